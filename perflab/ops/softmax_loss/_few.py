"""Products with few columns: the lanes of a register are along the rows of X; W is transposed for them."""

import numpy as np
from numba import njit

from .._simd import LANES, REGISTERS, lanes, load, outer, store, store_part, tile
from ._lanes import dots, dots_part, sums
from .jit_exp import FAST

ROWS, GROUP, VECTORS = (4, 5, 4) if REGISTERS == 32 else (3, 3, 3)  # tiles: rows × group, × vectors
BLOCK = 8 * ROWS


@njit(cache=True, error_model="numpy", fastmath=FAST)
def scores(X, T, S, n0, n1):
    """S[n, c] = Σ X[n, d] · W[d, c] for the rows from n0 to n1, which ROWS divides or which are a few."""
    D, (strips, C, wide), L = X.shape[1], T.shape, lanes(X)
    x, t, s = X.reshape(-1), T.reshape(-1), S.reshape(-1)
    tiled, whole, rest = n1 - (n1 - n0) % ROWS, D // wide, D % wide
    for n in range(n0, tiled, ROWS):
        for c in range(0, C, GROUP):
            acc, at, bt = tile(s, ROWS, GROUP), np.uintp(n * D), np.uintp(c * wide)
            for _ in range(whole):
                for v in range(VECTORS):
                    acc = dots(acc, x, at + v * L, D, t, bt + v * L, wide)
                at, bt = at + np.uintp(wide), bt + np.uintp(C * wide)
            for d in range(0, rest, L):
                if d + L <= rest:
                    acc = dots(acc, x, at + d, D, t, bt + d, wide)
                else:
                    acc = dots_part(acc, x, at + d, D, t, bt + d, wide, rest - d)
            sums(acc, s, n * C + c, C)
    for n in range(tiled, n1):
        for c in range(C):
            total = S.dtype.type(0)
            for k in range(strips):
                for d in range(min(wide, D - k * wide)):
                    total += X[n, k * wide + d] * T[k, c, d]
            S[n, c] = total


@njit(cache=True, error_model="numpy", fastmath=FAST)
def gradients(X, T, dS, dX, dT, s0, s1):
    """The strips s0 to s1 of dX = dS·Wᵀ and of dW; dS has rows of zeros up to a multiple of ROWS."""
    (N, D), (_, C, wide), L = X.shape, T.shape, lanes(X)
    x, t, ds, dx, dt = X.reshape(-1), T.reshape(-1), dS.reshape(-1), dX.reshape(-1), dT.reshape(-1)
    for n0 in range(0, N, BLOCK):
        n1 = min(n0 + BLOCK, N)
        for s in range(s0, s1):
            d, at = s * wide, s * C * wide
            width, inside = min(wide, D - d), min(n1, max(n0, (X.size - d - wide) // D + 1))
            for c in range(0, C, GROUP):
                acc = load(dt, at + c * wide, wide, GROUP, VECTORS)
                for n in range(n0, inside):  # what is read after a row's end is added to no column of dW
                    acc = outer(acc, ds, n * C + c, 1, x, n * D + d, L)
                store(acc, dt, at + c * wide, wide)
            for n in range(inside, n1):
                for c in range(C):
                    for e in range(width):
                        dT[s, c, e] += dS[n, c] * X[n, d + e]
            for n in range(n0, n1, ROWS):
                acc = tile(t, ROWS, VECTORS)
                for c in range(C):
                    acc = outer(acc, ds, n * C + c, C, t, at + c * wide, L)
                if n + ROWS <= n1 and width == wide:
                    store(acc, dx, n * D + d, D)
                else:
                    store_part(acc, dx, n * D + d, D, n1 - n, width)


def padded(array, rows, columns):
    """A copy with zeros after the last row and column, up to multiples of `rows` and `columns`."""
    N, C = array.shape
    out = np.zeros((N + -N % rows, C + -C % columns), array.dtype)
    out[:N, :C] = array
    return out


def turned(W):
    """W (D,C) as strips of D, class by class: (D / strip, C, strip)."""
    wide = VECTORS * LANES[W.dtype]
    W = padded(W, wide, GROUP)
    strips, C = len(W) // wide, W.shape[1]
    whole = np.empty(W.size + 64, W.dtype)
    skip = -whole.ctypes.data % 64 // W.itemsize
    T = whole[skip : skip + W.size].reshape(strips, C, wide)
    T[:] = W.reshape(strips, wide, C).transpose(0, 2, 1)
    return T
