"""Kernels of which every thread computes a part, compiled once for one thread and for several.

Numba compiles the body of a parallel loop three times, and for one thread once more. Here one parallel loop,
over nothing but a number, serves all kernels: each thread calls the same kernel again, for its part.

    @njit(cache=True, error_model="numpy")
    def double(loop, part, parts, a, out):
        if spread(loop, parts):
            return                              # every part has been computed, by a call as the second below
        for i in range(len(a) * part // parts, len(a) * (part + 1) // parts):
            out[i] = 2 * a[i]

    double(*threads(), a, out)                  # on all of Numba's threads
    double(0, 0, 1, a, out)                     # on this one
"""

from llvmlite import ir
from numba import get_num_threads, njit, prange
from numba.core import cgutils, types
from numba.extending import intrinsic

_INT, _CODE = ir.IntType(64), ir.IntType(32)
_ENTRY = ir.FunctionType(ir.VoidType(), (_INT, _INT))
_address, _counted = [], []
ALONE = 0, 0, 1  # a kernel's first arguments: this thread computes the only part
SMALL = 1 << 18  # multiplications, fewer than which are done before another thread has begun


def threads(most=1 << 30):
    """A kernel's first arguments: all of Numba's threads compute it, in `most` parts at most."""
    parts = min(
        _count() if _counted else get_num_threads(), most
    )  # the second makes known what the first calls
    _counted[:] = [True]
    if parts < 2:
        return ALONE
    if not _address:
        _over_parts.compile("(intp, intp, intp)")
        (loop,) = _over_parts.overloads.values()
        _address.append(loop.library.get_pointer_to_function(loop.fndesc.llvm_func_name))
    return _address[0], 0, parts


def shares(work, most=1 << 30):
    """A kernel's first arguments for so many multiplications: on all threads if they are worth it."""
    return threads(most) if work > SMALL else ALONE


@njit(cache=True)
def _count():
    return _get_num_threads()


@njit(cache=True, parallel=True)
def _over_parts(entry, arguments, parts):
    for part in prange(parts):
        _enter(entry, arguments, part)


@intrinsic
def _get_num_threads(typing):
    """Numba's own function, which takes ten times as long from Python and is not cached in compiled code."""

    def build(context, builder, signature, args):
        kind = ir.FunctionType(_INT, ())
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "get_num_threads"), ())

    return types.intp(), build


@intrinsic
def _enter(typing, entry, arguments, part):
    """Call the function at an address."""

    def build(context, builder, signature, args):
        builder.call(builder.inttoptr(args[0], _ENTRY.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), build


@intrinsic
def spread(typing, loop, parts):
    """Whether `loop` is not 0: then all parts of the kernel that this stands in have been computed.

    The kernel's first two arguments are `loop` and the part.
    """

    def build(context, builder, signature, args):
        kernel = builder.function
        given = kernel.args[2:]  # the first two are the places of a result and of an exception
        block = ir.LiteralStructType([value.type for value in given])
        entry = _entry_of(kernel, block)
        held = cgutils.alloca_once(builder, block)
        several = builder.icmp_unsigned("!=", args[0], _INT(0))
        with builder.if_then(several):
            for place, value in enumerate(given):
                builder.store(value, cgutils.gep_inbounds(builder, held, 0, place))
            numbers = [builder.ptrtoint(pointer, _INT) for pointer in (entry, held)]
            kind = ir.FunctionType(_CODE, [value.type for value in kernel.args[:2]] + [_INT] * 3)
            _call(builder, builder.inttoptr(args[0], kind.as_pointer()), kernel.args[:2], [*numbers, args[1]])
        return several

    return types.boolean(types.intp, types.intp), build


def _entry_of(kernel, block):
    """A function that a thread calls for its part; the other arguments of the kernel are in memory."""
    entry = ir.Function(kernel.module, _ENTRY, f"{kernel.name}.part")
    entry.linkage = "internal"
    builder = ir.IRBuilder(entry.append_basic_block())
    held = builder.inttoptr(entry.args[0], block.as_pointer())
    count = len(block.elements)
    given = [builder.load(cgutils.gep_inbounds(builder, held, 0, place)) for place in range(2, count)]
    _call(builder, kernel, kernel.args[:2], [_INT(0), entry.args[1], *given])
    builder.ret_void()
    return entry


def _call(builder, function, places, arguments):
    """Call one of Numba's functions, which returns nothing and raises nothing."""
    rooms = [cgutils.alloca_once_value(builder, ir.Constant(place.type.pointee, None)) for place in places]
    builder.call(function, [*rooms, *arguments])
