"""tanh in vector registers, accurate to two units in the last place."""

import math

from llvmlite import ir
from numba.extending import intrinsic

from .._simd import _declare, _fma, _name, _tile
from ..softmax_loss.jit_exp import FORMATS

LARGEST = {32: 44.0, 64: 80.0}  # 2|a| from which tanh is one, with room


@intrinsic
def tanh(typing, x):
    """Of every element a: m / (m + 2) with m = exp(2|a|) − 1, and a's sign. A NaN stays."""
    high, low, _, bias, place, degree = FORMATS[x.dtype]
    vector, whole = x.vector, ir.VectorType(ir.IntType(x.dtype.bitwidth), x.vector.count)
    sign = 1 << (x.dtype.bitwidth - 1)

    def everywhere(number, kind=vector):
        return ir.Constant(kind, [number] * vector.count)

    def build(context, builder, signature, args):
        def element(r, v):
            number = builder.extract_value(args[0], r * x.columns + v)
            signs = builder.and_(builder.bitcast(number, whole), everywhere(sign, whole))
            name = f"llvm.fabs.{_name(vector)}"
            double = builder.call(_declare(builder, name, vector, (vector,)), (number,))
            double = builder.fadd(double, double)
            most = everywhere(LARGEST[x.dtype.bitwidth])
            double = builder.select(builder.fcmp_ordered(">", double, most), most, double)
            # A sum beyond 2^place has no bits for a fraction: it is rounded, and its last bits are n + bias.
            shift = everywhere(1.5 * 2.0**place + bias)
            shifted = _fma(builder, x, double, everywhere(1 / math.log(2)), shift)
            n = builder.fsub(shifted, shift)
            rest = _fma(builder, x, n, everywhere(-low), _fma(builder, x, n, everywhere(-high), double))
            series = everywhere(1 / math.factorial(degree))
            for k in range(degree - 1, 1, -1):
                series = _fma(builder, x, series, rest, everywhere(1 / math.factorial(k)))
            p = _fma(builder, x, builder.fmul(rest, rest), series, rest)
            bits = builder.shl(builder.bitcast(shifted, whole), everywhere(place, whole))
            power = builder.bitcast(bits, vector)
            m = _fma(builder, x, power, p, builder.fsub(power, everywhere(1.0)))
            s = builder.fadd(m, everywhere(2.0))
            q = builder.fdiv(m, s)
            # What both roundings took: m = q·s + left and m + 2 = s + lost; 1 / s is (1 − q) / 2, near enough
            # where q is not close to one, and there it does not matter.
            lost = builder.fadd(builder.fsub(everywhere(2.0), s), m)
            minus_q = builder.fneg(q)
            left = _fma(builder, x, minus_q, lost, _fma(builder, x, minus_q, s, m))
            per_s = _fma(builder, x, minus_q, everywhere(0.5), everywhere(0.5))
            small = builder.fcmp_ordered("<", m, everywhere(16.0))
            result = builder.select(small, _fma(builder, x, left, per_s, q), q)
            return builder.bitcast(builder.or_(builder.bitcast(result, whole), signs), vector)

        return _tile(context, builder, x, element)

    return x(x), build
