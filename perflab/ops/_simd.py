"""Vector registers for Numba: tiles of sums that stay in registers during a kernel's loop.

A vector fills one of the host's registers: `LANES[dtype]` numbers. A tile is rows × columns of vectors;
operations on it are unrolled at compile time, so that it uses memory only where the processor has too few
registers. Arrays are C-contiguous, of any rank; positions count elements from their start and are not
checked.

    acc = tile(c, 6, 4)                          # zeros: 6 rows of 4 vectors, of c's dtype
    for k in range(K):
        acc = outer(acc, a, at, da, b, bt, db)   # acc[r, v] += a[at + r·da] · b[bt + v·db : … + lanes]
    store(acc, c, ct, dc)                        # c[ct + r·dc + v·lanes : … + lanes] = acc[r, v]

A register has 64 bytes with AVX-512 and 32 with AVX2; elsewhere 16 bytes are used, which every 64-bit
processor has. A processor without fused multiply-add computes a product and a sum.
"""

import operator

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic, models, overload, register_model

# What Numba generates code for: the host's features, or what its environment variables leave of them.
TRIPLE, _, _features = cpu_target.target_context.codegen().magic_tuple()
FEATURES = {feature[1:] for feature in _features.split(",") if feature.startswith("+")}
ARM = TRIPLE.startswith(("aarch64", "arm64"))
BYTES = 64 if "avx512f" in FEATURES else 32 if "avx2" in FEATURES else 16
REGISTERS = 32 if ARM or "avx512f" in FEATURES else 16
FUSED = ARM or "fma" in FEATURES
LANES = {np.dtype(dtype): BYTES // np.dtype(dtype).itemsize for dtype in ("float32", "float64", "int32")}
_INT = ir.IntType(64)


def _vector(dtype):
    kinds = {types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.int32: ir.IntType(32)}
    return ir.VectorType(kinds[dtype], BYTES // (dtype.bitwidth // 8))


class Tile(types.Type):
    """`rows` × `columns` vectors of `dtype`; the lanes are the last axis."""

    def __init__(self, dtype, rows, columns):
        self.dtype, self.rows, self.columns = dtype, rows, columns
        self.vector = _vector(dtype)
        super().__init__(name=f"Tile({dtype}, {rows}, {columns})")

    @property
    def places(self):
        """Every (number, row, column), row by row."""
        return [(r * self.columns + v, r, v) for r in range(self.rows) for v in range(self.columns)]


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager, tile):
        super().__init__(manager, tile, ir.ArrayType(tile.vector, tile.rows * tile.columns))


# ------------------------------------------------------------------------------------------- making one


@intrinsic(prefer_literal=True)
def tile(typing, like, rows, columns):
    """Zeros: a tile of rows × columns vectors of the array's dtype."""
    made = Tile(like.dtype, rows.literal_value, columns.literal_value)

    def build(context, builder, signature, args):
        return ir.Constant(context.get_value_type(made), None)

    return made(like, rows, columns), build


@intrinsic(prefer_literal=True)
def load(typing, a, at, da, rows, columns):
    """a[at + r·da + v·lanes : … + lanes] for every row r and column v; da = 0 repeats one row."""
    made = Tile(a.dtype, rows.literal_value, columns.literal_value)

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[0], made)
        return _tile(context, builder, made, lambda r, v: memory.load(memory.at(args[1], (r, args[2]), v)))

    return made(a, types.uintp, types.uintp, rows, columns), build


@intrinsic(prefer_literal=True)
def load_part(typing, a, at, da, rows, columns, height, width):
    """As `load`, but zeros from row `height` and from element `width` on, which are not read."""
    made = Tile(a.dtype, rows.literal_value, columns.literal_value)

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[0], made)

        def element(r, v):
            mask = memory.mask(r, v, args[5], args[6])
            return memory.load(memory.at(args[1], (r, args[2]), v), mask)

        return _tile(context, builder, made, element)

    return made(a, types.uintp, types.uintp, rows, columns, types.intp, types.intp), build


@intrinsic(prefer_literal=True)
def spread(typing, a, at, da, rows, columns):
    """The number a[at + r·da] in every lane of row r."""
    made = Tile(a.dtype, rows.literal_value, columns.literal_value)

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[0], made)
        row = [memory.broadcast(memory.at(args[1], (r, args[2]))) for r in range(made.rows)]
        return _tile(context, builder, made, lambda r, v: row[r])

    return made(a, types.uintp, types.uintp, rows, columns), build


@intrinsic
def lanes(typing, like):
    """How many numbers of the array's dtype a vector has."""
    count = _vector(like.dtype).count

    def build(context, builder, signature, args):
        return context.get_constant(types.intp, count)

    return types.intp(like), build


@intrinsic
def load_turned_part(typing, a, at, da, height, width):
    """A square read by its columns: lanes rows of one vector, row r holding a[at + lane·da + r].

    Lanes from `height` on and rows from `width` on are zeros, for which nothing is read.
    """
    made = Tile(a.dtype, _vector(a.dtype).count, 1)

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[0], made)
        masks = [memory.mask(r, 0, args[3], args[4]) for r in range(made.rows)]
        rows = [memory.load(memory.at(args[1], (r, args[2])), mask) for r, mask in enumerate(masks)]
        turned = _transposed(builder, rows)
        return _tile(context, builder, made, lambda r, v: turned[r])

    return made(a, types.uintp, types.uintp, types.intp, types.intp), build


# ----------------------------------------------------------------------------------------- using one


@intrinsic
def outer(typing, acc, a, at, da, b, bt, db):
    """acc[r, v] + a[at + r·da] · b[bt + v·db : … + lanes], fused: a rank-one update."""

    def build(context, builder, signature, args):
        left = _Memory(context, builder, a, args[1], acc)
        right = _Memory(context, builder, b, args[4], acc)
        vectors = [right.load(right.at(args[5], (v, args[6]))) for v in range(acc.columns)]
        return _updated(
            builder, acc, args[0], lambda r: left.broadcast(left.at(args[2], (r, args[3]))), vectors
        )

    return acc(acc, a, types.uintp, types.uintp, b, types.uintp, types.uintp), build


@intrinsic
def fma(typing, a, b, c):
    """The sum a · b + c, element by element, rounded once; a may be a number."""

    def build(context, builder, signature, args):
        first = _operand(builder, a, args[0], c)
        second, third = _operand(builder, b, args[1], c), _operand(builder, c, args[2], c)
        return _tile(
            context, builder, c, lambda r, v: _fma(builder, c, first(r, v), second(r, v), third(r, v))
        )

    return c(a if isinstance(a, Tile) else c.dtype, b, c), build


@intrinsic
def store(typing, acc, a, at, da):
    """a[at + r·da + v·lanes : … + lanes] = acc[r, v] for every row and column."""

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[1], acc)
        for place, r, v in acc.places:
            memory.store(builder.extract_value(args[0], place), memory.at(args[2], (r, args[3]), v))
        return context.get_dummy_value()

    return types.void(acc, a, types.uintp, types.uintp), build


@intrinsic
def store_part(typing, acc, a, at, da, height, width):
    """As `store`, but nothing from row `height` and from element `width` on is written."""

    def build(context, builder, signature, args):
        memory, count = _Memory(context, builder, a, args[1], acc), acc.vector.count
        for place, r, v in acc.places:
            value, pointer = builder.extract_value(args[0], place), memory.at(args[2], (r, args[3]), v)
            there = builder.select(builder.icmp_signed("<", _INT(r), args[4]), args[5], _INT(0))
            whole = builder.icmp_signed(">=", there, _INT((v + 1) * count))
            with builder.if_else(whole) as (then, otherwise):  # a masked store can take ten times as long
                with then:
                    memory.store(value, pointer)
                with otherwise, builder.if_then(builder.icmp_signed(">", there, _INT(v * count))):
                    memory.store(value, pointer, memory.mask(r, v, args[4], args[5]))
        return context.get_dummy_value()

    return types.void(acc, a, types.uintp, types.uintp, types.intp, types.intp), build


@intrinsic
def total(typing, acc):
    """The sum of all elements, a number."""

    def build(context, builder, signature, args):
        vectors = [builder.extract_value(args[0], place) for place, _, _ in acc.places]
        while len(vectors) > 1:
            pairs = zip(vectors[::2], [*vectors[1::2], None], strict=False)
            vectors = [x if y is None else builder.fadd(x, y) for x, y in pairs]
        return _sum(builder, acc.vector, vectors[0])

    return acc.dtype(acc), build


@intrinsic
def prefetch(typing, a, at):
    """Ask for the cache line of a[at]; past the end it does nothing."""

    def build(context, builder, signature, args):
        pointer = builder.bitcast(
            _Memory(context, builder, a, args[0], None).at(args[1]), ir.IntType(8).as_pointer()
        )
        i32 = ir.IntType(32)
        function = _declare(builder, "llvm.prefetch.p0", ir.VoidType(), (pointer.type, i32, i32, i32))
        builder.call(function, (pointer, i32(0), i32(3), i32(1)))
        return context.get_dummy_value()

    return types.void(a, types.uintp), build


def _binary(operation, instruction):
    """Let an operator work on two tiles of one kind, or on a tile and a number."""

    @intrinsic
    def on_tiles(typing, x, y):
        kind = x if isinstance(x, Tile) else y

        def build(context, builder, signature, args):
            left, right = _operand(builder, x, args[0], kind), _operand(builder, y, args[1], kind)
            return _tile(context, builder, kind, lambda r, v: instruction(builder, left(r, v), right(r, v)))

        return kind(*(side if isinstance(side, Tile) else kind.dtype for side in (x, y))), build

    @overload(operation)
    def implementation(x, y):
        if isinstance(x, Tile) or isinstance(y, Tile):
            return lambda x, y: on_tiles(x, y)
        return None

    return on_tiles


add = _binary(operator.add, lambda builder, x, y: builder.fadd(x, y))
subtract = _binary(operator.sub, lambda builder, x, y: builder.fsub(x, y))
multiply = _binary(operator.mul, lambda builder, x, y: builder.fmul(x, y))


# --------------------------------------------------------------------------------------- in LLVM's terms


class _Memory:
    """Addresses in one array, in elements; vectors of a tile's width loaded from and stored to it."""

    def __init__(self, context, builder, array, value, tile):
        self.builder, self.tile = builder, tile
        self.data = context.make_array(array)(context, builder, value).data
        self.bytes = array.dtype.bitwidth // 8

    def at(self, start, step=None, vectors=0):
        """The address of start + step[0]·step[1] + vectors·lanes."""
        builder, place = self.builder, start
        if step and step[0]:
            place = builder.add(place, builder.mul(step[1], _INT(step[0])))
        if vectors:
            place = builder.add(place, _INT(vectors * self.tile.vector.count))
        return builder.gep(self.data, [place])

    def broadcast(self, pointer):
        number = self.builder.load(pointer, align=self.bytes)
        return _splat(self.builder, number, self.tile.vector.count)

    def mask(self, row, column, height, width):
        """Which lanes are within `height` rows and `width` elements."""
        builder, count = self.builder, self.tile.vector.count
        kind = ir.VectorType(_INT, count)
        lane = ir.Constant(kind, [column * count + i for i in range(count)])
        limit = builder.select(builder.icmp_signed("<", _INT(row), height), width, _INT(0))
        return builder.icmp_signed("<", lane, _splat(builder, limit, count))

    def load(self, pointer, mask=None):
        vector = self.tile.vector
        pointer = self.builder.bitcast(pointer, vector.as_pointer())
        if mask is None:
            return self.builder.load(pointer, align=self.bytes)
        kinds = (pointer.type, ir.IntType(32), mask.type, vector)
        function = _declare(self.builder, f"llvm.masked.load.{_name(vector)}.p0", vector, kinds)
        return self.builder.call(function, (pointer, ir.IntType(32)(self.bytes), mask, vector(None)))

    def store(self, value, pointer, mask=None):
        pointer = self.builder.bitcast(pointer, value.type.as_pointer())
        if mask is None:
            self.builder.store(value, pointer, align=self.bytes)
            return
        kinds = (value.type, pointer.type, ir.IntType(32), mask.type)
        function = _declare(self.builder, f"llvm.masked.store.{_name(value.type)}.p0", ir.VoidType(), kinds)
        self.builder.call(function, (value, pointer, ir.IntType(32)(self.bytes), mask))


def _name(vector):
    letter = "i" if isinstance(vector.element, ir.IntType) else "f"
    return f"v{vector.count}{letter}{BYTES * 8 // vector.count}"


def _declare(builder, name, out, arguments):
    module = builder.module
    return module.globals.get(name) or ir.Function(module, ir.FunctionType(out, arguments), name)


def _splat(builder, number, count):
    kind = ir.VectorType(number.type, count)
    held = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.IntType(32)(0))
    return builder.shuffle_vector(held, held, ir.Constant(ir.VectorType(ir.IntType(32), count), None))


def _fma(builder, kind, x, y, z):
    if not FUSED:
        return builder.fadd(builder.fmul(x, y), z)
    vector = kind.vector
    return builder.call(_declare(builder, f"llvm.fma.{_name(vector)}", vector, (vector,) * 3), (x, y, z))


def _updated(builder, acc, value, number, vectors):
    """The tile's value with number(r) · vectors[v] added to every row r and column v."""
    out = value
    for r in range(acc.rows):
        factor = number(r)
        for v in range(acc.columns):
            added = _fma(builder, acc, factor, vectors[v], _get(builder, acc, value, r, v))
            out = builder.insert_value(out, added, r * acc.columns + v)
    return out


def _sum(builder, kind, vector):
    """The sum of a vector's lanes, in any order."""
    function = _declare(builder, f"llvm.vector.reduce.fadd.{_name(kind)}", kind.element, (kind.element, kind))
    return builder.call(function, (ir.Constant(kind.element, 0.0), vector), fastmath=("reassoc",))


def _shuffle(builder, pair, chosen):
    """The lanes of two vectors, counted through, that are chosen."""
    kind = ir.VectorType(ir.IntType(32), len(chosen))
    return builder.shuffle_vector(*pair, ir.Constant(kind, list(chosen)))


def _transposed(builder, rows):
    """A square of as many vectors as a vector has lanes: rows and lanes change places.

    In passes, each for blocks of twice the size: the two off-diagonal blocks of every square are swapped.
    """
    rows, count, step = list(rows), len(rows), 1
    while step < count:
        low = [i if not i & step else count + i - step for i in range(count)]
        high = [i + step if not i & step else count + i for i in range(count)]
        for r in (r for r in range(count) if not r & step):
            pair = rows[r], rows[r + step]
            rows[r], rows[r + step] = (_shuffle(builder, pair, chosen) for chosen in (low, high))
        step *= 2
    return rows


def _get(builder, kind, value, r, v):
    return builder.extract_value(value, r * kind.columns + v)


def _operand(builder, kind, value, like):
    """The vector at a row and column of a tile, or a number in every lane."""
    if isinstance(kind, Tile):
        return lambda r, v: _get(builder, kind, value, r, v)
    everywhere = _splat(builder, value, like.vector.count)
    return lambda r, v: everywhere


def _tile(context, builder, kind, element):
    out = ir.Constant(context.get_value_type(kind), ir.Undefined)
    for place, r, v in kind.places:
        out = builder.insert_value(out, element(r, v), place)
    return out
