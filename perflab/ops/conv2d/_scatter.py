"""From rows of vectors to places in an array: whole rows, or every step-th row and column of a phase."""

from numba import njit

from .._simd import lanes, load, store, store_part
from ._bands import OPTIONS
from ._registers import zipped


@njit(**OPTIONS)
def scatter(y, yt, pitch, pieces, bias, f0, f1, out, n, top, step, origin):
    """out[n, f, step·i + phase + origin] = y[yt + (phase, f, place)] + bias[f] for filters f0 ≤ f < f1."""
    (_, F, H, W), flat = out.shape, out.reshape(-1)
    if step[0] == step[1] == 1:  # the positions are those of out, so origin is 0
        whole_rows(y, yt, pitch, pieces, bias, f0, f1, flat, (n * F * H + top) * W, F * H * W, H * W, W)
        return
    size, L = -(-F // 8) * 8 * pitch, lanes(y)
    for f in range(f0, f1):
        for p in range(len(pieces)):
            place, m, i, length = pieces[p, 0], pieces[p, 1], pieces[p, 2], pieces[p, 4]
            for r in range(step[0]):
                h = (top + i) * step[0] + r + origin[0]
                if 0 <= h < H:
                    row, first = (((n + m) * F + f) * H + h) * W, pieces[p, 3] * step[1] + origin[1]
                    at = yt + r * step[1] * size + f * pitch + place
                    if step[1] == 2:
                        skip = 1 if first < 0 else 0
                        if skip and first + 1 < W:
                            flat[row + first + 1] = y[at + size] + bias[f]
                        first += 2 * skip
                        pair = zipped(load(y, at + skip, 0, 1, 1), load(y, at + size + skip, 0, 1, 1))
                        limit = min(2 * (length - skip), W - first)
                        if limit == 2 * L:
                            store(pair + bias[f], flat, row + first, 0)
                        else:
                            store_part(pair + bias[f], flat, row + first, 0, 1, limit)
                    else:
                        for s in range(step[1]):
                            for t in range(length):
                                if 0 <= first + s + t * step[1] < W:
                                    flat[row + first + s + t * step[1]] = y[at + s * size + t] + bias[f]


@njit(**OPTIONS)
def whole_rows(y, yt, pitch, pieces, bias, f0, f1, out, at, image, plane, W):
    """out[at + m·image + f·plane + i·W + j] = y[yt + f·pitch + place] + bias[f], if `bias` is not None."""
    L = lanes(y)
    for f in range(f0, f1):
        for p in range(len(pieces)):
            m, i, j, length = pieces[p, 1], pieces[p, 2], pieces[p, 3], pieces[p, 4]
            numbers = load(y, yt + f * pitch + pieces[p, 0], 0, 1, 1)
            if bias is not None:
                numbers = numbers + bias[f]
            to = at + m * image + f * plane + i * W + j
            if length == L:
                store(numbers, out, to, 0)
            else:
                store_part(numbers, out, to, 0, 1, length)
