"""Transpositions in registers between rows of pixels and vectors of channels, for Winograd's tiles.

`to_lanes` reads one register of pixels from each of as many channels as a register has lanes and writes
one register of channels for each pixel; `from_lanes` does the reverse. Both transpose a square of registers
by swapping blocks across its diagonal: halves, quarters, … single lanes.
"""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .._simd import Tile, _Memory, _transposed

_INT = ir.IntType(64)


@intrinsic
def to_lanes(typing, a, at, da, height, width, b, bt):
    """b[bt + q·lanes + r] = a[at + r·da + q]; zeros from q = width on, some number from r = height on."""
    one = Tile(a.dtype, 1, 1)

    def build(context, builder, signature, args):
        source, target = (_Memory(context, builder, *pair, one) for pair in ((a, args[0]), (b, args[5])))
        last, mask, rows = builder.sub(args[3], _INT(1)), source.mask(0, 0, _INT(1), args[4]), []
        for r in range(one.vector.count):
            row = builder.select(builder.icmp_signed("<", _INT(r), last), _INT(r), last)
            rows.append(source.load(source.at(builder.add(args[1], builder.mul(row, args[2]))), mask))
        for q, vector in enumerate(_transposed(builder, rows)):
            target.store(vector, target.at(args[6], vectors=q))
        return context.get_dummy_value()

    return types.void(a, types.uintp, types.uintp, types.intp, types.intp, b, types.uintp), build


@intrinsic
def from_lanes(typing, a, at, plus, pt, b, bt, db, height, width):
    """b[bt + r·db + q] = a[at + q·lanes + r] + plus[pt + r] for r < height and q < width."""
    one = Tile(a.dtype, 1, 1)

    def build(context, builder, signature, args):
        pairs = ((a, args[0]), (plus, args[2]), (b, args[4]))
        source, added, target = (_Memory(context, builder, *pair, one) for pair in pairs)
        bias = added.load(added.at(args[3]))
        rows = [source.load(source.at(args[1], vectors=q)) for q in range(one.vector.count)]
        turned = _transposed(builder, [builder.fadd(row, bias) for row in rows])
        count = _INT(len(turned))
        fits = [builder.icmp_signed(">=", size, count) for size in (args[7], args[8])]
        with builder.if_else(builder.and_(*fits)) as (whole, part):
            with whole:  # AVX2 has no fast masked stores
                for r, vector in enumerate(turned):
                    target.store(vector, target.at(args[5], (r, args[6])))
            with part:
                for r, vector in enumerate(turned):
                    mask = target.mask(r, 0, args[7], args[8])
                    target.store(vector, target.at(args[5], (r, args[6])), mask)
        return context.get_dummy_value()

    at, size = types.uintp, types.intp
    return types.void(a, at, plus, at, b, at, at, size, size), build
