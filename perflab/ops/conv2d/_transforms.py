"""Winograd's matrices, and their application to tiles whose elements are vectors of channels.

F(m×m, 3×3) gives m×m outputs for n×n inputs, n = m + 2. With the matrices B, G and A of one m,

    out tile = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A          dw = Gᵀ [ Σ over tiles (Bᵀ x B) ⊙ (A dout Aᵀ) ] G

Each element of a tile is a register with one channel in each lane. So a transform consists of additions of
whole registers and their multiplications by constants, and a zero in a matrix costs nothing.
"""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .._simd import Tile, _fma, _Memory

BT, G, AT = {}, {}, {}
BT[2] = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
G[2] = ((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1))
AT[2] = ((1, 1, 1, 0), (0, 1, -1, -1))
BT[4] = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
G[4] = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
AT[4] = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


def both_sides(matrices):
    """An intrinsic for matrix · tile · matrixᵀ, with the matrix for that m."""

    @intrinsic
    def transform(typing, m, a, at, down, right, b, bt, below, beside):
        """b[bt + i·below + j·beside] = (matrix · t · matrixᵀ)[i, j] of t[i, j] = a[at + i·down + j·right]."""
        one = Tile(a.dtype, 1, 1)

        def build(context, builder, signature, args):
            source, target = (_Memory(context, builder, *pair, one) for pair in ((a, args[1]), (b, args[5])))

            def place(start, i, down, j, right):
                return builder.add(
                    builder.add(start, builder.mul(_INT(i), down)), builder.mul(_INT(j), right)
                )

            def emit(matrix):
                size, columns = range(len(matrix[0])), []
                for j in size:
                    places = [place(args[2], i, args[3], j, args[4]) for i in size]
                    rows = [source.load(source.at(spot)) for spot in places]
                    columns.append(_combined(builder, one, matrix, rows))
                for i in range(len(matrix)):
                    row = _combined(builder, one, matrix, [column[i] for column in columns])
                    for j, vector in enumerate(row):
                        target.store(vector, target.at(place(args[6], i, args[7], j, args[8])))

            with builder.if_else(builder.icmp_signed("==", args[0], _INT(2))) as (two, four):
                with two:
                    emit(matrices[2])
                with four:
                    emit(matrices[4])
            return context.get_dummy_value()

        return types.void(types.intp, a, *(types.uintp,) * 3, b, *(types.uintp,) * 3), build

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
    return {m: tuple(zip(*matrix, strict=True)) for m, matrix in matrices.items()}


_INT = ir.IntType(64)
transform_input, transform_weights, transform_output = both_sides(BT), both_sides(G), both_sides(AT)
transform_upstream, transform_dw = both_sides(transposed(AT)), both_sides(transposed(G))
