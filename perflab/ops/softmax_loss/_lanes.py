"""Dot products of whole rows: both factors are vectors, and the lanes are added up at the end."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .._simd import _fma, _Memory, _sum, _tile


@intrinsic
def dots(typing, acc, a, at, da, b, bt, db):
    """acc[r, v] + a[at + r·da : … + lanes] · b[bt + v·db : … + lanes], lane by lane."""

    def build(context, builder, signature, args):
        return _dots(context, builder, acc, (a, b), args, None)

    return acc(acc, a, types.uintp, types.uintp, b, types.uintp, types.uintp), build


@intrinsic
def dots_part(typing, acc, a, at, da, b, bt, db, width):
    """As `dots`, but of a's rows nothing from `width` on is read; b has zeros there."""

    def build(context, builder, signature, args):
        return _dots(context, builder, acc, (a, b), args, args[7])

    return acc(acc, a, types.uintp, types.uintp, b, types.uintp, types.uintp, types.intp), build


def _dots(context, builder, acc, arrays, args, width):
    left = _Memory(context, builder, arrays[0], args[1], acc)
    right = _Memory(context, builder, arrays[1], args[4], acc)
    mask = () if width is None else (left.mask(0, 0, ir.IntType(64)(1), width),)
    rows = [left.load(left.at(args[2], (r, args[3])), *mask) for r in range(acc.rows)]
    columns = [right.load(right.at(args[5], (v, args[6]))) for v in range(acc.columns)]

    def element(r, v):
        return _fma(builder, acc, rows[r], columns[v], builder.extract_value(args[0], r * acc.columns + v))

    return _tile(context, builder, acc, element)


@intrinsic
def sums(typing, acc, a, at, da):
    """a[at + r·da + v] = the sum of the lanes of acc[r, v]."""

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[1], acc)
        for place, r, v in acc.places:
            one = _sum(builder, acc.vector, builder.extract_value(args[0], place))
            pointer = builder.gep(memory.at(args[2], (r, args[3])), [ir.IntType(64)(v)])
            builder.store(one, pointer)
        return context.get_dummy_value()

    return types.void(acc, a, types.uintp, types.uintp), build
