"""The softmax of one row in vector registers: the largest score, and a vectorised exp."""

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from .._simd import (
    _binary,
    _declare,
    _fma,
    _name,
    _splat,
    _tile,
    lanes,
    load,
    load_part,
    store,
    store_part,
    tile,
    total,
)
from .jit_exp import FORMATS


def _larger(builder, x, y):
    return builder.select(builder.fcmp_ordered("<", x, y), y, x)  # x where either is NaN


maximum = _binary(_larger, _larger)


@intrinsic
def largest(typing, acc):
    """The largest of all elements, a number; a NaN may be ignored."""

    def build(context, builder, signature, args):
        vectors = [builder.extract_value(args[0], place) for place, _, _ in acc.places]
        while len(vectors) > 1:
            vectors.append(_larger(builder, vectors.pop(0), vectors.pop(0)))
        kind = acc.vector
        name = f"llvm.vector.reduce.fmax.{_name(kind)}"
        return builder.call(_declare(builder, name, kind.element, (kind,)), vectors)

    return acc.dtype(acc), build


@intrinsic
def within(typing, acc, width, other):
    """The elements before `width` of each row as they are; the number `other` from there on."""
    count, whole = acc.vector.count, ir.IntType(64)

    def build(context, builder, signature, args):
        limit, fill = _splat(builder, args[1], count), _splat(builder, args[2], count)

        def element(r, v):
            lane = ir.Constant(ir.VectorType(whole, count), [v * count + i for i in range(count)])
            held = builder.extract_value(args[0], r * acc.columns + v)
            return builder.select(builder.icmp_signed("<", lane, limit), held, fill)

        return _tile(context, builder, acc, element)

    return acc(acc, types.intp, acc.dtype), build


@intrinsic
def exp(typing, x):
    """Of elements up to 0, as 2ⁿ times the series at r, |r| ≤ ½·ln 2. A NaN stays; an underflow is 0."""
    high, low, _, bias, place, degree = FORMATS[x.dtype]
    vector, whole = x.vector, ir.VectorType(ir.IntType(x.dtype.bitwidth), x.vector.count)

    def everywhere(number, kind=vector):
        return ir.Constant(kind, [number] * vector.count)

    def build(context, builder, signature, args):
        def element(r, v):
            number = builder.extract_value(args[0], r * x.columns + v)
            number = _larger(builder, number, everywhere(-bias * math.log(2)))
            # A sum beyond 2^place has no bits for a fraction: it is rounded, and its last bits are n + bias.
            shift = everywhere(1.5 * 2.0**place + bias)
            shifted = _fma(builder, x, number, everywhere(1 / math.log(2)), shift)
            n = builder.fsub(shifted, shift)
            rest = _fma(builder, x, n, everywhere(-low), _fma(builder, x, n, everywhere(-high), number))
            series = everywhere(1 / math.factorial(degree))
            for k in range(degree - 1, -1, -1):
                series = _fma(builder, x, series, rest, everywhere(1 / math.factorial(k)))
            power = builder.shl(builder.bitcast(shifted, whole), everywhere(place, whole))
            return builder.fmul(series, builder.bitcast(power, vector))

        return _tile(context, builder, x, element)

    return x(x), build


@njit(cache=True, error_model="numpy")
def softmax(s, at, C, label):
    """exp(s − largest) in place of s, the C numbers from `at`, less their sum at the label; sum and loss."""
    wide = 4 * lanes(s)
    whole = C - C % wide
    acc = within(tile(s, 1, 4), 0, -np.inf)
    for c in range(0, whole, wide):
        acc = maximum(acc, load(s, at + c, 0, 1, 4))
    rest = C - whole
    end = within(load_part(s, at + whole, 0, 1, 4, 1, rest), rest, -np.inf)  # whose exp is 0
    top = largest(maximum(acc, end))
    of_label = s[at + label] - top
    end = exp(end - top)
    store_part(end, s, at + whole, 0, 1, rest)
    for c in range(0, whole, wide):
        e = exp(load(s, at + c, 0, 1, 4) - top)
        store(e, s, at + c, 0)
        end = end + e
    sum_ = total(end)
    s[at + label] -= sum_
    return sum_, math.log(sum_) - of_label
