"""What direct convolution asks of registers beyond `_simd`: scattered rows, squares, every other lane."""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .._simd import Tile, _fma, _get, _Memory, _tile


@intrinsic
def outer_at(typing, acc, a, at, rows, b, bt, columns):
    """acc[r, v] + a[at + rows[r]] · b[bt + columns[v] : … + lanes], fused: rows and vectors lie anywhere."""
    sides = types.UniTuple(types.uintp, acc.rows), types.UniTuple(types.uintp, acc.columns)

    def build(context, builder, signature, args):
        left, right = _Memory(context, builder, a, args[1], acc), _Memory(context, builder, b, args[4], acc)
        rows = [builder.add(args[2], builder.extract_value(args[3], r)) for r in range(acc.rows)]
        columns = [builder.add(args[5], builder.extract_value(args[6], v)) for v in range(acc.columns)]
        vectors = [right.load(right.at(place)) for place in columns]
        out = args[0]
        for r in range(acc.rows):
            number = left.broadcast(left.at(rows[r]))
            for v in range(acc.columns):
                place = r * acc.columns + v
                total = _fma(builder, acc, number, vectors[v], builder.extract_value(args[0], place))
                out = builder.insert_value(out, total, place)
        return out

    return acc(acc, a, types.uintp, sides[0], b, types.uintp, sides[1]), build


@intrinsic
def load_turned(typing, a, at, da, height, width):
    """A square whose row r and lane i hold a[at + i·da + r], i < height and r < width, and zeros elsewhere.

    Rows and lanes change places in passes, each for blocks of twice the size.
    """
    count = Tile(a.dtype, 1, 1).vector.count
    made = Tile(a.dtype, count, 1)

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[0], made)
        masks = [memory.mask(r, 0, args[3], args[4]) for r in range(count)]
        rows = [memory.load(memory.at(args[1], (r, args[2])), masks[r]) for r in range(count)]
        step = 1
        while step < count:
            upper = [i if not i & step else count + i - step for i in range(count)]
            lower = [i + step if not i & step else count + i for i in range(count)]
            for r in range(count):
                if not r & step:
                    pair = rows[r], rows[r + step]
                    rows[r], rows[r + step] = (_shuffle(builder, pair, lanes) for lanes in (upper, lower))
            step *= 2
        return _tile(context, builder, made, lambda r, v: rows[r])

    return made(a, types.uintp, types.uintp, types.intp, types.intp), build


@intrinsic
def evens(typing, acc):
    """The lanes 0, 2, 4, … of every row of two vectors, as one vector."""
    made = Tile(acc.dtype, acc.rows, 1)

    def build(context, builder, signature, args):
        lanes = range(0, 2 * acc.vector.count, 2)
        pairs = [[_get(builder, acc, args[0], r, v) for v in (0, 1)] for r in range(acc.rows)]
        return _tile(context, builder, made, lambda r, v: _shuffle(builder, pairs[r], lanes))

    return made(acc), build


@intrinsic
def zipped(typing, x, y):
    """x[0], y[0], x[1], y[1], …: two rows of one vector become one row of two."""
    made = Tile(x.dtype, 1, 2)

    def build(context, builder, signature, args):
        count = x.vector.count
        pair = [_get(builder, kind, value, 0, 0) for kind, value in zip((x, y), args, strict=True)]

        def half(r, v):
            return _shuffle(builder, pair, [(i + v * count) // 2 + i % 2 * count for i in range(count)])

        return _tile(context, builder, made, half)

    return made(x, y), build


def _shuffle(builder, pair, lanes):
    chosen = [ir.IntType(32)(lane) for lane in lanes]
    return builder.shuffle_vector(*pair, ir.Constant(ir.VectorType(ir.IntType(32), len(chosen)), chosen))
