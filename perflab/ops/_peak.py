"""Kernels that reach the largest throughput of the processor and its memory.

Each runs `again` times over the same numbers and releases Python's lock, so that each thread can run one
on arrays of its own. Arrays are aligned to registers and are multiples of `STEP` numbers long.
"""

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import types
from numba.extending import intrinsic

from ._simd import LANES, REGISTERS, _Memory, fma, load, spread, store, tile, total

LINE = 4 * LANES[np.dtype("float32")]  # four vectors are moved at a time
STEP = 2 * LINE
ROWS = 6 if REGISTERS == 32 else 3  # with four columns: accumulators that leave room for the factor
CHAINS = ROWS * 4


def lanes(dtype):
    """How many numbers fit into a register."""
    return LANES[np.dtype(dtype)]


@intrinsic
def stream(typing, acc, a, at):
    """a[at : …] = acc, a tile of one row, past the caches: memory is written without being read first."""

    def build(context, builder, signature, args):
        memory = _Memory(context, builder, a, args[1], acc)
        hint = builder.module.add_metadata([ir.IntType(32)(1)])
        for place, _, v in acc.places:
            value = builder.extract_value(args[0], place)
            pointer = builder.bitcast(memory.at(args[2], None, v), value.type.as_pointer())
            aligned = value.type.count * memory.bytes
            builder.store(value, pointer, align=aligned).set_metadata("nontemporal", hint)
        return context.get_dummy_value()

    return types.void(acc, a, types.uintp), build


@njit(nogil=True, cache=True)
def chains(x, out, again):
    """Multiply-adds of full vectors in `CHAINS` chains: none waits for another, and memory is not touched."""
    a = spread(x, 0, 0, ROWS, 4)
    acc = tile(x, ROWS, 4)
    for _ in range(again):
        acc = fma(a, a, acc)
    store(acc, out, 0, out.size // ROWS)


@njit(nogil=True, cache=True)
def dependent(x, a, b, again):
    """An addition and an exclusive or, `again` times: each waits for the one before, for one cycle."""
    for _ in range(again):
        x = (x + a) ^ b
    return x


@njit(nogil=True, cache=True)
def read(a, again):
    """The sum of a, in eight vectors of accumulators."""
    acc = tile(a, 1, 8)
    for _ in range(again):
        at = np.uintp(0)
        while at < np.uintp(a.size):
            acc = acc + load(a, at, 0, 1, 8)
            at += np.uintp(STEP)
    return total(acc)


@njit(nogil=True, cache=True)
def triad(a, b, c, s, again):
    """The sum a = b + s·c: two numbers read for one that is written."""
    for _ in range(again):
        at = np.uintp(0)
        while at < np.uintp(a.size):
            store(fma(s, load(c, at, 0, 1, 4), load(b, at, 0, 1, 4)), a, at, 0)
            at += np.uintp(LINE)


@njit(nogil=True, cache=True)
def streamed(a, b, c, s, again):
    """The triad with its result written past the caches."""
    for _ in range(again):
        at = np.uintp(0)
        while at < np.uintp(a.size):
            stream(fma(s, load(c, at, 0, 1, 4), load(b, at, 0, 1, 4)), a, at)
            at += np.uintp(LINE)


@njit(nogil=True, cache=True)
def copy(a, b, again):
    """The copy a = b."""
    for _ in range(again):
        at = np.uintp(0)
        while at < np.uintp(a.size):
            store(load(b, at, 0, 1, 4), a, at, 0)
            at += np.uintp(LINE)


@njit(nogil=True, cache=True)
def fill(a):
    """Zeros, written and never read."""
    at = np.uintp(0)
    while at < np.uintp(a.size):
        store(tile(a, 1, 4), a, at, 0)
        at += np.uintp(LINE)
