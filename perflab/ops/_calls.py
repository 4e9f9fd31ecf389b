"""Calls by address: a kernel that several others call is compiled once.

Numba includes the code of a called kernel in each one that calls it, and in those that call that one, where
it is optimised and translated again.

    addresses(dtype, (fill, "ai"))          # of fill(array, number), compiled for flat arrays of this dtype

    call(address, (array, number))          # in a kernel; a kernel that is called returns nothing
"""

import numpy as np
from llvmlite import ir
from numba import from_dtype
from numba.core import cgutils, types
from numba.extending import intrinsic


def addresses(dtype, *kernels):
    """Where the code of these kernels is; each is given with its arguments, "a" an array, "i" a number."""
    kinds = {"a": from_dtype(dtype)[::1], "i": types.intp}
    return np.array([_compiled(kernel, [kinds[each] for each in of]) for kernel, of in kernels], np.intp)


def _compiled(kernel, signature):
    kernel.compile(tuple(signature))
    compiled = kernel.overloads[tuple(signature)]
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)


@intrinsic
def call(typing, address, arguments):
    """Call the kernel at an address with a tuple of flat arrays and whole numbers."""

    def build(context, builder, signature, args):
        given = cgutils.unpack_tuple(builder, args[1])
        kinds = [each if isinstance(each, types.Array) else types.intp for each in arguments.types]
        pairs = zip(given, arguments.types, kinds, strict=True)
        given = [context.cast(builder, value, kind, wanted) for value, kind, wanted in pairs]
        function = context.call_conv.get_function_type(types.none, kinds)
        places = [
            cgutils.alloca_once_value(builder, ir.Constant(each.pointee, None)) for each in function.args[:2]
        ]
        pointer = builder.inttoptr(args[0], function.as_pointer())
        builder.call(pointer, [*places, *context.get_arg_packer(kinds).as_arguments(builder, given)])
        return context.get_dummy_value()

    return types.void(types.intp, arguments), build
