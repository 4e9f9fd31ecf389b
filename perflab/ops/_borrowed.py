"""Arrays for a kernel's inner functions without reference counting; the caller keeps them alive.

Numba counts the references to an array, with a locked instruction, at each call of a function that takes it.
Between two tiles that costs up to a sixth of their arithmetic. A borrowed array needs another reference, in
the caller or in a module: an array that the kernel itself creates and lends would be freed at once.
"""

from numba.core import types
from numba.extending import intrinsic, models, register_model


class Borrowed(types.Array):
    """A flat array without reference counting."""

    def __init__(self, dtype):
        super().__init__(dtype, 1, "C", name=f"Borrowed({dtype})")


@register_model(Borrowed)
class _BorrowedModel(models.ArrayModel):
    def __init__(self, manager, array):
        super().__init__(manager, array)
        counted = self.get_field_position("meminfo")
        members = list(zip(self._fields, self._members, strict=True))
        members[counted] = "meminfo", types.voidptr
        models.StructModel.__init__(self, manager, array, members)


@intrinsic
def borrowed(typing, array):
    """The flat array itself, to be passed on without counting."""

    def build(context, builder, signature, args):
        return args[0]

    return Borrowed(array.dtype)(array), build
