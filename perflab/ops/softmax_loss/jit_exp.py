"""The softmax of a row is compiled, with an exp that has no branch: several classes at a time.

X (N,D), W (D,C), y (N,) labels, reg -> loss, a scalar

exp(x) = 2ⁿ · exp(r) with n = x / ln 2 rounded, so that |r| ≤ ½·ln 2 and a short Taylor series is accurate to
about the last bit; 2ⁿ is computed by writing n + bias into the exponent's bits. A call of the library's exp
would prevent the compiler from using vector registers. No score exceeds its row's largest: x ≤ 0.
"""

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

from .fused import backward as backward

FAST = {"contract", "reassoc", "nsz"}
#  ln 2 in two parts (n times the first is exact), the exponent's type, bias and place, the series' degree
FORMATS = {
    types.float32: (0.693359375, -2.1219444005469058e-4, np.int32, 127, 23, 7),
    types.float64: (0.6931471803691238, 1.9082149292705877e-10, np.int64, 1023, 52, 13),
}


def exp(x):
    raise NotImplementedError("compiled code calls what stands below, for its number's format")


@overload(exp, jit_options={"fastmath": {"contract"}})  # reassoc would join the two parts of ln 2
def _exp(x):
    high, low, whole, bias, place, degree = FORMATS[x]
    real = getattr(np, x.name)
    high, low, per_ln2, half, one = real(high), real(low), real(1 / math.log(2)), real(0.5), real(1)
    least = real(-bias * math.log(2))  # exp of this and of smaller numbers is 0 here
    c13, c12, c11, c10, c9, c8, c7, c6, c5, c4, c3 = (real(1 / math.factorial(k)) for k in range(13, 2, -1))

    def implementation(x):
        x = least if x < least else x  # a NaN stays
        n = np.floor(x * per_ln2 + half)
        r = (x - n * high) - n * low
        e = c7
        if degree > 7:  # known while compiling
            e = (((((c13 * r + c12) * r + c11) * r + c10) * r + c9) * r + c8) * r + c7
        e = ((((((e * r + c6) * r + c5) * r + c4) * r + c3) * r + half) * r + one) * r + one
        return e * whole((whole(n) + whole(bias)) << whole(place)).view(real)

    return implementation


@njit(fastmath=FAST, error_model="numpy", cache=True)
def softmax(S, y):
    """The loss of every row of S; S becomes the probabilities minus the targets."""
    N, C = S.shape
    losses, one = np.empty(N, S.dtype), S.dtype.type(1)
    for n in range(N):
        s = S[n]
        largest = s[0]
        for c in range(C):
            largest = s[c] if s[c] > largest else largest
        of_label = s[y[n]] - largest
        total = s.dtype.type(0)
        for c in range(C):
            s[c] = exp(s[c] - largest)
            total += s[c]
        scale = one / total
        for c in range(C):
            s[c] *= scale
        s[y[n]] -= one
        losses[n] = math.log(total) - of_label
    return losses


def forward(X, W, y, reg):
    G = X @ W
    losses = softmax(G, y)
    return losses.mean() + X.dtype.type(0.5) * reg * np.vdot(W, W), (X, W, reg, G)
