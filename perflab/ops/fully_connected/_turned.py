"""A square of numbers that is read by its columns."""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .._simd import Tile, _Memory, _tile, _transposed, _vector


@intrinsic
def load_turned(typing, a, at, da, height):
    """Row r holds a[at + lane·da + r]; lanes from `height` on hold what the lane before does."""
    made = Tile(a.dtype, _vector(a.dtype).count, 1)

    def build(context, builder, signature, args):
        memory, last = _Memory(context, builder, a, args[0], made), builder.sub(args[3], ir.IntType(64)(1))
        rows = [ir.IntType(64)(r) for r in range(made.rows)]
        rows = [builder.select(builder.icmp_signed("<", row, last), row, last) for row in rows]
        rows = [memory.load(memory.at(args[1], (1, builder.mul(row, args[2])))) for row in rows]
        turned = _transposed(builder, rows)
        return _tile(context, builder, made, lambda r, v: turned[r])

    return made(a, types.uintp, types.uintp, types.intp), build
