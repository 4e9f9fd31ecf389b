"""Loads and stores of vectors: neighbours, every second or third number, parts, interleaved pairs.

Arrays are C-contiguous; positions count elements from their start and are not checked. Elements
outside of `count` are neither read nor written, and a count below 0 is 0. A step is a constant.

    t = load(x, p, 2, n, rest)       # t[l] = x[p + 2·l] for l < n, rest[l] elsewhere
    store(t, out, p, n)              # out[p + l] = t[l] for l < n
    store_zipped(t, s, out, p, n)    # t[0], s[0], t[1], s[1], … to out[p : p + n]
"""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .._simd import _declare, _shuffle

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


@intrinsic
def store(typing, value, a, at, count):
    """a[at + l] = value[l] for l < count."""

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[1], value)
        memory.store(args[0], args[2], args[3])
        return context.get_dummy_value()

    return types.void(value, a, types.intp, types.intp), build


@intrinsic
def store_zipped(typing, even, odd, a, at, count):
    """a[at + 2·l] = even[l] and a[at + 2·l + 1] = odd[l], as far as a[at + count - 1]."""

    def build(context, builder, signature, args):
        memory, lanes = _Memory(context, builder, a, args[2], even), even.count
        for half in (0, lanes):
            chosen = [(half + lane) // 2 + lane % 2 * lanes for lane in range(lanes)]
            begin, zipped = _I64(half), _shuffle(builder, args[:2], chosen)
            memory.store(zipped, builder.add(args[3], begin), builder.sub(args[4], begin))
        return context.get_dummy_value()

    return types.void(even, odd, a, types.intp, types.intp), build


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

    def store(self, value, at, count):
        arguments = self._padded(value), self._at(at), _I32(self.bytes), self._mask(count)
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
