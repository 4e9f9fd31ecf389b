"""Vectors of numbers, bytes and truth values with equal lanes: comparison, selection, and reduction.

A vector has as many lanes as a register, or half of one, has numbers of `x` (16 in float32 with AVX-512),
whatever its own type. Whole numbers are as wide as those of x while they are selected by comparisons of x, as
many processors have no narrower masks.

    best, at = filled(x, -inf, 1), numbers(x, 0, 1)  # lanes of x's dtype, whole numbers as wide
    better = beats(t, best, 0)                      # truth values
    best, at = choose(better, t, best), choose(better, numbers(x, k, 1), at)
    value, number = first_of(best, at)              # of all lanes
"""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, models, register_model

from .._simd import BYTES, _declare, _shuffle, _splat


class Lanes(types.Type):
    """A vector of `count` elements of `dtype`, which may be boolean."""

    def __init__(self, dtype, count):
        self.dtype, self.count = dtype, count
        kinds = {types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.boolean: ir.IntType(1)}
        self.vector = ir.VectorType(kinds.get(dtype) or ir.IntType(dtype.bitwidth), count)
        super().__init__(name=f"Lanes({dtype}, {count})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        super().__init__(manager, lanes, lanes.vector)


@intrinsic(prefer_literal=True)
def filled(typing, x, number, part):
    """The number, in x's dtype, in every lane of a register, or of a half where `part` is 2."""
    made = Lanes(x.dtype, BYTES * 8 // x.dtype.bitwidth // part.literal_value)

    def build(context, builder, signature, args):
        return _splat(builder, args[1], made.count)

    return made(x, x.dtype, part), build


@intrinsic(prefer_literal=True)
def numbers(typing, x, number, part):
    """The whole number, as wide as numbers of x, in every lane of a register, or of a half."""
    made = numbers_like(x, part.literal_value)

    def build(context, builder, signature, args):
        return _splat(builder, args[1], made.count)

    return made(x, made.dtype, part), build


def numbers_like(x, part=1):
    """The type of as many whole numbers as a register, or a part of one, has numbers of x."""
    bits = x.dtype.bitwidth
    return Lanes(types.int32 if bits == 32 else types.int64, BYTES * 8 // bits // part)


@intrinsic(prefer_literal=True)
def beats(typing, t, best, ordered):
    """Where t replaces the best so far: it is larger, or it is the first NaN; `ordered` where none is NaN."""

    def build(context, builder, signature, args):
        if ordered.literal_value:
            return builder.fcmp_ordered(">", *args[:2])
        return _beats(builder, *args[:2])

    return Lanes(types.boolean, t.count)(t, best, ordered), build


def _beats(builder, t, best):
    return builder.and_(builder.fcmp_unordered(">", t, best), builder.fcmp_ordered("ord", best, best))


@intrinsic
def any_nan(typing, t, s):
    """Whether a lane of one of two vectors is NaN."""

    def build(context, builder, signature, args):
        bits = builder.bitcast(builder.fcmp_unordered("uno", *args), ir.IntType(t.count))
        return builder.icmp_unsigned("!=", bits, bits.type(0))

    return types.boolean(t, s), build


@intrinsic
def equals(typing, whole, number):
    """Where a vector of whole numbers equals one number."""

    def build(context, builder, signature, args):
        return builder.icmp_unsigned("==", args[0], _splat(builder, args[1], whole.count))

    return Lanes(types.boolean, whole.count)(whole, whole.dtype), build


@intrinsic
def choose(typing, mask, yes, no):
    """`yes` where the mask is true, `no` elsewhere."""
    return no(mask, yes, no), lambda context, builder, signature, args: builder.select(*args)


@intrinsic
def first_of(typing, best, at):
    """The value that no lane beats, from the lane with the least at[l] + l among those, and that number."""

    def build(context, builder, signature, args):
        value, number = args
        top, turn = value, best.count // 2
        while turn:  # every lane is compared with one that has as many comparisons behind it
            other = _shuffle(builder, (top, top), [lane ^ turn for lane in range(best.count)])
            top = builder.select(_beats(builder, other, top), other, top)
            turn //= 2
        beaten = _beats(builder, top, value)
        numbers = builder.add(number, ir.Constant(at.vector, list(range(at.count))))
        numbers = builder.select(beaten, ir.Constant(at.vector, [-1] * at.count), numbers)
        name = f"llvm.vector.reduce.umin.v{at.count}i{at.dtype.bitwidth}"
        least = builder.call(_declare(builder, name, at.vector.element, (at.vector,)), (numbers,))
        first = builder.icmp_unsigned("==", numbers, _splat(builder, least, at.count))
        first = builder.select(beaten, ir.Constant(first.type, [0] * at.count), first)
        bits = ir.IntType(best.dtype.bitwidth)  # of this lane's own value: `top` may be another lane's zero
        whole = ir.VectorType(bits, best.count)
        kept = builder.select(first, builder.bitcast(value, whole), whole(None))
        name = f"llvm.vector.reduce.or.v{best.count}i{bits.width}"
        held = builder.call(_declare(builder, name, bits, (whole,)), (kept,))
        pair = builder.bitcast(held, best.vector.element), least
        return context.make_tuple(builder, signature.return_type, pair)

    return types.Tuple((best.dtype, at.dtype))(best, at), build
