"""Loads and stores of vectors: neighbours, every second or third number, parts, interleaved pairs.

Arrays are C-contiguous; positions count elements from their start and are not checked. Elements
outside of `count` are neither read nor written, and a count below 0 is 0. A step is a constant.

    t = load(x, p, 2, n, rest)       # t[l] = x[p + 2·l] for l < n, rest[l] elsewhere
    t = load_two(x, p, q, 2, n, rest)  # half of the lanes as t from p, the others from q
    store(t, out, p)                 # out[p + l] = t[l]
    store_part(t, out, p, m, n)      # out[p + l] = t[l] for m ≤ l < n: slow where bytes have no masks
    store_zipped(t, s, out, p)       # t[0], s[0], t[1], s[1], … to out[p : …]
"""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .._simd import _declare, _shuffle
from ._lanes import Lanes, numbers_like

_I32, _I64 = ir.IntType(32), ir.IntType(64)


@intrinsic(prefer_literal=True)
def load(typing, a, at, step, count, rest):
    """a[at + step·l] in lane l < count, as on `rest` elsewhere."""
    stride, lanes = step.literal_value, rest.count

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[0], rest)
        whole, found = args[3], None
        if stride > 1:  # from the first element to the last one, with all between
            whole = builder.sub(builder.mul(whole, _I64(stride)), _I64(stride - 1))
        places = [divmod(lane * stride, lanes) for lane in range(lanes)]
        for part in range(stride):  # neighbours, of which shuffles select the wanted ones
            begin = _I64(part * lanes)
            loaded = memory.load(builder.add(args[1], begin), builder.sub(whole, begin), args[4])
            before = [within if part == 1 else lane for lane, (_, within) in enumerate(places)]
            chosen = [
                lanes + places[lane][1] if places[lane][0] == part else old for lane, old in enumerate(before)
            ]
            found = _shuffle(builder, (found, loaded), chosen) if part else loaded
        return found

    return rest(a, types.intp, step, types.intp, rest), build


@intrinsic(prefer_literal=True)
def load_two(typing, a, at, other, step, count, rest):
    """In the lower half of the lanes a[at + step·l], in the upper a[other + step·l], l < count; step ≤ 2."""
    stride, half = step.literal_value, rest.count // 2

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[0], rest)
        whole = builder.sub(builder.mul(args[4], _I64(stride)), _I64(stride - 1))
        loaded = [memory.load(place, whole, args[5]) for place in args[1:3]]
        return _shuffle(
            builder, loaded, [lane % half * stride + lane // half * 2 * half for lane in range(2 * half)]
        )

    return rest(a, types.intp, types.intp, step, types.intp, rest), build


@intrinsic
def load_numbers(typing, a, at, x):
    """The whole numbers a[at + l], made as wide as numbers of x."""
    made = numbers_like(x)

    def build(context, builder, signature, args):
        found = builder.load(_pointer(context, builder, a, args[:2], made.count), align=a.dtype.bitwidth // 8)
        if a.dtype.bitwidth == made.dtype.bitwidth:
            return found
        return builder.zext(found, made.vector)

    return made(a, types.intp, x), build


@intrinsic
def store(typing, value, a, at):
    """a[at + l] = value[l]; whole numbers are cut to a's width."""

    def build(context, builder, signature, args):
        given, pointer = args[0], _pointer(context, builder, a, args[1:], value.count)
        if a.dtype.bitwidth < value.dtype.bitwidth:
            given = builder.trunc(given, pointer.type.pointee)
        builder.store(given, pointer, align=a.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(value, a, types.intp), build


@intrinsic
def store_part(typing, value, a, at, first, last):
    """a[at + l] = value[l] for first ≤ l < last."""
    held = Lanes(a.dtype, value.count)

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[1], held)
        given = args[0]
        if a.dtype.bitwidth < value.dtype.bitwidth:
            given = builder.trunc(given, held.vector)
        memory.store(given, *args[2:])
        return context.get_dummy_value()

    return types.void(value, a, types.intp, types.intp, types.intp), build


@intrinsic
def store_zipped(typing, even, odd, a, at):
    """a[at + 2·l] = even[l] and a[at + 2·l + 1] = odd[l]."""

    def build(context, builder, signature, args):
        for half in (0, even.count):
            chosen = [(half + lane) // 2 + lane % 2 * even.count for lane in range(even.count)]
            at = builder.add(args[3], _I64(half))
            pointer = _pointer(context, builder, a, (args[2], at), even.count)
            builder.store(_shuffle(builder, args[:2], chosen), pointer, align=a.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(even, odd, a, types.intp), build


def _pointer(context, builder, array, place, count):
    """The address of `count` elements of an array, from a position."""
    pointer = builder.gep(context.make_array(array)(context, builder, place[0]).data, [place[1]])
    return builder.bitcast(pointer, ir.VectorType(pointer.type.pointee, count).as_pointer())


class _Memory:
    """Vectors of one array; one below 16 bytes is stored as 16, since LLVM would not pad its mask."""

    def __init__(self, context, builder, array, value, lanes):
        self.builder, self.count = builder, lanes.count
        self.data = context.make_array(array)(context, builder, value).data
        self.bytes = array.dtype.bitwidth // 8
        self.vector = ir.VectorType(lanes.vector.element, max(lanes.count, 16 // self.bytes))
        letter = "f" if isinstance(array.dtype, types.Float) else "i"
        self.name = f"v{self.vector.count}{letter}{array.dtype.bitwidth}.p0"

    def load(self, at, count, rest):
        arguments = self._at(at), _I32(self.bytes), self._mask(count), self._padded(rest)
        found = self._call("llvm.masked.load", self.vector, arguments)
        return _shuffle(self.builder, (found, found), range(self.count))

    def store(self, value, at, first, last):
        mask = self.builder.and_(self._mask(last), self.builder.not_(self._mask(first)))
        arguments = self._padded(value), self._at(at), _I32(self.bytes), mask
        self._call("llvm.masked.store", ir.VoidType(), arguments)

    def _padded(self, value):
        places = [min(lane, self.count - 1) for lane in range(self.vector.count)]
        return _shuffle(self.builder, (value, value), places)

    def _at(self, at):
        return self.builder.bitcast(self.builder.gep(self.data, [at]), self.vector.as_pointer())

    def _call(self, name, out, arguments):
        kinds = [argument.type for argument in arguments]
        return self.builder.call(_declare(self.builder, f"{name}.{self.name}", out, kinds), arguments)

    def _mask(self, count):
        """The lanes below count, made as the bits of one whole number."""
        builder, lanes = self.builder, self.vector.count
        count = builder.select(builder.icmp_signed("<", count, _I64(0)), _I64(0), count)
        count = builder.select(builder.icmp_signed(">", count, _I64(self.count)), _I64(self.count), count)
        wide = ir.IntType(2 * lanes)
        bits = builder.sub(builder.shl(wide(1), builder.trunc(count, wide)), wide(1))
        return builder.bitcast(builder.trunc(bits, ir.IntType(lanes)), ir.VectorType(ir.IntType(1), lanes))
