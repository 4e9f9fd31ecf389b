"""Products with few columns: the lanes of a register are along the rows of X; W is transposed for them."""

import numpy as np
from numba import njit

from .._arrays import aligned
from .._named import named
from .._simd import LANES, REGISTERS, lanes, load, load_turned_part, outer, store, store_part, tile
from .._spread import ALONE, spread
from ._lanes import dots, dots_part, sums
from .jit_exp import FAST

ROWS, GROUP, VECTORS = (4, 5, 4) if REGISTERS == 32 else (3, 3, 3)  # tiles: rows × group, × vectors
BLOCK = 8 * ROWS
TURNED = 8  # multiplications that it takes the time of to read a number and store it elsewhere


def kernel(rows):
    """The scores of some rows of X and a group of classes, from c on."""

    @named(rows, cache=True, error_model="numpy")
    def group(x, t, s, n, c, D, C, wide):
        L, whole, rest = lanes(x), D // wide, D % wide
        acc, at, bt = tile(s, rows, GROUP), np.uintp(n * D), np.uintp(c * wide)
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

    return group


some, one = kernel(ROWS), kernel(1)


@njit(cache=True, error_model="numpy")
def scores(X, T, S, n0, n1):
    """S[n, c] = Σ X[n, d] · W[d, c] for the rows from n0 to n1."""
    D, (_, C, wide) = X.shape[1], T.shape
    x, t, s = X.reshape(-1), T.reshape(-1), S.reshape(-1)
    tiled = n1 - (n1 - n0) % ROWS
    for c in range(0, C, GROUP):
        for n in range(n0, tiled, ROWS):
            some(x, t, s, n, c, D, C, wide)
        for n in range(tiled, n1):
            one(x, t, s, n, c, D, C, wide)


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


@njit(cache=True, error_model="numpy")
def to_strips(loop, part, parts, W, T):
    """T (strips, classes, wide) = W (D,C), and zeros after the last row and class."""
    if spread(loop, parts):
        return
    (D, C), (strips, rows, wide), L = W.shape, T.shape, lanes(W)
    w, t = W.reshape(-1), T.reshape(-1)
    for s in range(strips * part // parts, strips * (part + 1) // parts):
        for d in range(s * wide, s * wide + wide, L):
            for c in range(0, rows, L):
                square = load_turned_part(w, d * C + c, C, D - d, C - c)
                store_part(square, t, (s * rows + c) * wide + d - s * wide, wide, rows - c, L)


@njit(cache=True, error_model="numpy")
def from_strips(loop, part, parts, T, W):
    """W (D,C) = T (strips, classes, wide), without what is after its last row and class."""
    if spread(loop, parts):
        return
    (D, C), (strips, rows, wide), L = W.shape, T.shape, lanes(W)
    w, t = W.reshape(-1), T.reshape(-1)
    for s in range(strips * part // parts, strips * (part + 1) // parts):
        for d in range(s * wide, min(s * wide + wide, D), L):
            for c in range(0, C, L):
                square = load_turned_part(t, (s * rows + c) * wide + d - s * wide, wide, rows - c, L)
                store_part(square, w, d * C + c, C, D - d, C - c)


def turned(W, cut=ALONE):
    """W (D,C) as strips of D, class by class: (D / strip, C, strip)."""
    wide, (D, C) = VECTORS * LANES[W.dtype], W.shape
    T = aligned((-(-D // wide), C + -C % GROUP, wide), W.dtype)
    to_strips(*cut, W, T)
    return T


def turned_back(T, W, cut=ALONE):
    """The gradient of W (D,C) from its strips."""
    dW = np.empty_like(W)
    from_strips(*cut, T, dW)
    return dW
