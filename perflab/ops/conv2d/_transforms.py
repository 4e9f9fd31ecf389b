"""Winograd's matrices, and their application to tiles whose elements are vectors of channels.

F(m×m, r×r) gives m×m outputs of an r×r kernel for n×n inputs, n = m + r − 1. With the matrices B, G and A,

    out tile = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A          dw = Gᵀ [ Σ over tiles (Bᵀ x B) ⊙ (A dout Aᵀ) ] G

Each element of a tile is a register with one channel in each lane. So a transform consists of additions of
whole registers and their multiplications by constants, and a zero in a matrix costs nothing.
"""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .._simd import Tile, _fma, _Memory

BT, G, AT = {}, {}, {}  # of each n; of each (m, r); of each (m, r)
BT[4] = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
G[2, 3] = ((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1))
AT[2, 3] = ((1, 1, 1, 0), (0, 1, -1, -1))
BT[6] = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
G[4, 3] = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
AT[4, 3] = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
G[2, 5] = (
    (1 / 4, 0, 0, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6, 1 / 3, 2 / 3),
    (1 / 24, -1 / 12, 1 / 6, -1 / 3, 2 / 3),
    (0, 0, 0, 0, 1),
)
AT[2, 5] = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 1))


def both_sides(matrices):
    """An intrinsic for matrix · tile · matrixᵀ, with the matrix of that (m, r), or of n = m + r − 1."""

    @intrinsic
    def transform(typing, m, r, a, at, down, right, b, bt, below, beside):
        """b[bt + i·below + j·beside] = (matrix · t · matrixᵀ)[i, j] of t[i, j] = a[at + i·down + j·right]."""
        one = Tile(a.dtype, 1, 1)

        def build(context, builder, signature, args):
            m, r, given, at, down, right, to, bt, below, beside = args
            source, target = (_Memory(context, builder, *pair, one) for pair in ((a, given), (b, to)))

            def place(start, i, down, j, right):
                return builder.add(
                    builder.add(start, builder.mul(_INT(i), down)), builder.mul(_INT(j), right)
                )

            def emit(matrix):
                size, columns = range(len(matrix[0])), []
                for j in size:
                    places = [place(at, i, down, j, right) for i in size]
                    rows = [source.load(source.at(spot)) for spot in places]
                    columns.append(_combined(builder, one, matrix, rows))
                for i in range(len(matrix)):
                    row = _combined(builder, one, matrix, [column[i] for column in columns])
                    for j, vector in enumerate(row):
                        target.store(vector, target.at(place(bt, i, below, j, beside)))

            def chosen(key):
                if isinstance(key, int):
                    return builder.icmp_signed("==", builder.add(m, r), _INT(key + 1))
                given = zip((m, r), key, strict=True)
                return builder.and_(*(builder.icmp_signed("==", size, _INT(own)) for size, own in given))

            for key, matrix in matrices.items():
                with builder.if_then(chosen(key)):
                    emit(matrix)
            return context.get_dummy_value()

        return types.void(types.intp, types.intp, a, *(types.uintp,) * 3, b, *(types.uintp,) * 3), build

    return transform


def _combined(builder, kind, matrix, vectors):
    """Every row of the matrix as a combination of the vectors; factors ±1 first, the others fused."""
    out = []
    for row in matrix:
        terms = [(c, v) for c, v in zip(row, vectors, strict=True) if c]
        total = None
        for factor, vector in sorted(terms, key=lambda term: (abs(term[0]) != 1, -term[0])):
            constant = ir.Constant(kind.vector, [float(factor)] * kind.vector.count)
            if total is None:
                total = vector if factor == 1 else builder.fmul(vector, constant)
            elif abs(factor) == 1:
                total = (builder.fadd if factor == 1 else builder.fsub)(total, vector)
            else:
                total = _fma(builder, kind, vector, constant, total)
        out.append(total)
    return out


def transposed(matrices):
    return {key: tuple(zip(*matrix, strict=True)) for key, matrix in matrices.items()}


_INT = ir.IntType(64)
transform_input, transform_weights, transform_output = both_sides(BT), both_sides(G), both_sides(AT)
transform_upstream, transform_dw = both_sides(transposed(AT)), both_sides(transposed(G))
