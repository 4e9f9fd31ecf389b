"""Register operations of direct convolution beyond `_simd`: scattered rows, every other lane."""

from numba.core import types
from numba.extending import intrinsic

from .._simd import Tile, _get, _Memory, _shuffle, _tile, _updated


@intrinsic
def outer_at(typing, acc, a, at, rows, b, bt, columns):
    """acc[r, v] + a[at + rows[r]] · b[bt + columns[v] : … + lanes], fused: rows and vectors are anywhere."""
    sides = types.UniTuple(types.uintp, acc.rows), types.UniTuple(types.uintp, acc.columns)

    def build(context, builder, signature, args):
        left, right = _Memory(context, builder, a, args[1], acc), _Memory(context, builder, b, args[4], acc)
        rows = [builder.add(args[2], builder.extract_value(args[3], r)) for r in range(acc.rows)]
        columns = [builder.add(args[5], builder.extract_value(args[6], v)) for v in range(acc.columns)]
        vectors = [right.load(right.at(place)) for place in columns]
        return _updated(builder, acc, args[0], lambda r: left.broadcast(left.at(rows[r])), vectors)

    return acc(acc, a, types.uintp, sides[0], b, types.uintp, sides[1]), build


@intrinsic
def unzipped(typing, acc):
    """The lanes 0, 2, 4, … of a row of two vectors, and below them the lanes 1, 3, 5, …."""
    made = Tile(acc.dtype, 2, 1)

    def build(context, builder, signature, args):
        pair, count = [_get(builder, acc, args[0], 0, v) for v in (0, 1)], 2 * acc.vector.count
        return _tile(context, builder, made, lambda r, v: _shuffle(builder, pair, range(r, count, 2)))

    return made(acc), build


@intrinsic
def every_fourth(typing, acc):
    """The lanes 0, 4, 8, … of a row of four vectors."""
    made = Tile(acc.dtype, 1, 1)

    def build(context, builder, signature, args):
        count, quad = acc.vector.count, [_get(builder, acc, args[0], 0, v) for v in range(4)]
        even = [_shuffle(builder, quad[v : v + 2], range(0, 2 * count, 2)) for v in (0, 2)]
        return _tile(context, builder, made, lambda r, v: _shuffle(builder, even, range(0, 2 * count, 2)))

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
