"""Vectors of numbers, bytes and truth values side by side: compared, chosen between, taken apart and zipped.

Every vector of a kernel has one lane per number that a register holds of `x` (16 in float32 with AVX-512),
whatever its own type: so a comparison of floats can choose between bytes. Arrays are C-contiguous; positions
count elements from their start, and nothing checks them; `x` is named only for the number of its lanes.

    best, at = filled(x, -inf, x), filled(winner, 0, x)    # lanes of x's dtype, lanes of winner's
    t = load(x, p, 2, 0, n, x)                             # t[l] = x[p + 2·l] where 0 ≤ l < n, 0 elsewhere
    better = beats(t, best)                                # truth values
    best, at = choose(better, t, best), choose(better, filled(winner, k, x), at)
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

from .._simd import BYTES, _declare, _splat

_I32, _I64 = ir.IntType(32), ir.IntType(64)


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


def _like(dtype, x):
    return Lanes(dtype, BYTES * 8 // x.dtype.bitwidth)


@intrinsic
def filled(typing, a, number, x):
    """The number, in a's dtype, in every lane."""
    made = _like(a.dtype, x)

    def build(context, builder, signature, args):
        return _splat(builder, args[1], made.count)

    return made(a, a.dtype, x), build


@intrinsic
def beats(typing, t, best):
    """Where t replaces the best so far: it is larger, or it is the first NaN."""

    def build(context, builder, signature, args):
        larger = builder.fcmp_unordered(">", *args)
        return builder.and_(larger, builder.fcmp_ordered("ord", args[1], args[1]))

    return Lanes(types.boolean, t.count)(t, best), build


@intrinsic
def equals(typing, whole, number):
    """Where a vector of whole numbers equals one number."""

    def build(context, builder, signature, args):
        return builder.icmp_unsigned("==", args[0], _splat(builder, args[1], whole.count))

    return Lanes(types.boolean, whole.count)(whole, whole.dtype), build


@intrinsic
def choose(typing, mask, yes, no):
    """Yes where the mask is true, no elsewhere."""
    return no(mask, yes, no), lambda context, builder, signature, args: builder.select(*args)


@intrinsic
def plus(typing, x, y):
    """The sum, lane by lane."""
    return x(x, y), lambda context, builder, signature, args: builder.fadd(*args, flags=("nsz",))


@intrinsic
def load(typing, a, at, step, first, last, x):
    """a[at + step·l] in lane l if first ≤ l < last, else zero; nothing else is read; step is 1 or 2."""
    made = _like(a.dtype, x)

    def build(context, builder, signature, args):
        memory, count = _Memory(context, builder, a, args[0], made), made.count
        found = cgutils.alloca_once(builder, made.vector)
        with builder.if_else(builder.icmp_signed("==", args[2], _I64(1))) as (plain, zipped):
            with plain:
                builder.store(memory.load(args[1], args[3], args[4]), found)
            with zipped:  # two loads that share an element: nothing behind the last one is touched
                bounds = [builder.shl(bound, _I64(1)) for bound in args[3:5]]
                bounds[1] = builder.sub(bounds[1], _I64(1))
                low = memory.load(args[1], *bounds)
                behind = _I64(count - 1)
                bounds = [builder.sub(bound, behind) for bound in bounds]
                high = memory.load(builder.add(args[1], behind), *bounds)
                picked = [2 * lane + (2 * lane >= count) for lane in range(count)]
                builder.store(builder.shuffle_vector(low, high, _order(picked)), found)
        return builder.load(found)

    return made(a, types.intp, types.intp, types.intp, types.intp, x), build


@intrinsic
def store(typing, value, a, at, last):
    """a[at + l] = value[l] for l < last."""

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[1], value)
        memory.store(args[0], args[2], args[3])
        return context.get_dummy_value()

    return types.void(value, a, types.intp, types.intp), build


@intrinsic
def store_zipped(typing, even, odd, a, at, last):
    """a[at + 2·l] = even[l] and a[at + 2·l + 1] = odd[l], as far as a[at + last - 1]."""

    def build(context, builder, signature, args):
        memory, count = _Memory(context, builder, a, args[2], even), even.count
        for half in (0, count):
            order = [(half + lane) // 2 + lane % 2 * count for lane in range(count)]
            zipped = builder.shuffle_vector(*args[:2], _order(order))
            memory.store(zipped, builder.add(args[3], _I64(half)), builder.sub(args[4], _I64(half)))
        return context.get_dummy_value()

    return types.void(even, odd, a, types.intp, types.intp), build


def _order(picked):
    return ir.Constant(ir.VectorType(_I32, len(picked)), list(picked))


class _Memory:
    """Vectors of one array; what is shorter than 16 bytes goes as 16, since LLVM would not pad its mask."""

    def __init__(self, context, builder, array, value, lanes):
        self.builder, self.count = builder, lanes.count
        self.data = context.make_array(array)(context, builder, value).data
        self.bytes = array.dtype.bitwidth // 8
        self.vector = ir.VectorType(lanes.vector.element, max(lanes.count, 16 // self.bytes))
        letter = "f" if isinstance(array.dtype, types.Float) else "i"
        self.name = f"v{self.vector.count}{letter}{array.dtype.bitwidth}.p0"

    def load(self, at, first, last):
        arguments = self._at(at), _I32(self.bytes), self._mask(first, last), self.vector(None)
        found = self._call("llvm.masked.load", self.vector, arguments)
        return self.builder.shuffle_vector(found, found, _order(range(self.count)))

    def store(self, value, at, last):
        places = [min(lane, self.count - 1) for lane in range(self.vector.count)]
        wide = self.builder.shuffle_vector(value, value, _order(places))
        arguments = wide, self._at(at), _I32(self.bytes), self._mask(_I64(0), last)
        self._call("llvm.masked.store", ir.VoidType(), arguments)

    def _at(self, at):
        return self.builder.bitcast(self.builder.gep(self.data, [at]), self.vector.as_pointer())

    def _call(self, name, out, arguments):
        kinds = [argument.type for argument in arguments]
        return self.builder.call(_declare(self.builder, f"{name}.{self.name}", out, kinds), arguments)

    def _mask(self, first, last):
        """The lanes with first ≤ lane < last, made as the bits of one whole number."""
        builder, lanes = self.builder, self.vector.count
        kind = ir.IntType(2 * lanes)

        def below(bound):
            bound = builder.select(builder.icmp_signed("<", bound, _I64(0)), _I64(0), bound)
            bound = builder.select(builder.icmp_signed(">", bound, _I64(self.count)), _I64(self.count), bound)
            return builder.sub(builder.shl(kind(1), builder.trunc(bound, kind)), kind(1))

        bits = builder.and_(below(last), builder.not_(below(first)))
        return builder.bitcast(builder.trunc(bits, ir.IntType(lanes)), ir.VectorType(ir.IntType(1), lanes))
