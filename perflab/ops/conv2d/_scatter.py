"""From rows of vectors to places in an array: whole rows, or every step-th row and column of a phase."""

from numba import njit

from .._simd import BYTES, load, store, store_part
from ._bands import OPTIONS
from ._registers import zipped


@njit(**OPTIONS)
def scatter(y, yt, pitch, pieces, bias, f0, f1, out, n, top, step, origin):
    """out[n, f, step·i + phase + origin] = y[yt + (phase, f, place)] + bias[f] for filters f0 ≤ f < f1."""
    (_, F, H, W), flat = out.shape, out.reshape(-1)
    size = -(-F // 8) * 8 * pitch
    lanes = BYTES // y.itemsize
    for f in range(f0, f1):
        for p in range(len(pieces)):
            place, m, i, j, length, _ = pieces[p]
            for r in range(step[0]):
                h = (top + i) * step[0] + r + origin[0]
                if 0 <= h < H:
                    row = (((n + m) * F + f) * H + h) * W
                    at, first = yt + r * step[1] * size + f * pitch + place, j * step[1] + origin[1]
                    if step[1] == 1 and length == lanes and first + lanes <= W:
                        store(load(y, at, 0, 1, 1) + bias[f], flat, row + first, 0)
                    elif step[1] == 1:
                        store_part(
                            load(y, at, 0, 1, 1) + bias[f], flat, row + first, 0, 1, min(length, W - first)
                        )
                    elif step[1] == 2:
                        skip = 1 if first < 0 else 0
                        if skip and first + 1 < W:
                            flat[row + first + 1] = y[at + size] + bias[f]
                        first += 2 * skip
                        pair = zipped(load(y, at + skip, 0, 1, 1), load(y, at + size + skip, 0, 1, 1))
                        limit = min(2 * (length - skip), W - first)
                        if limit == 2 * lanes:
                            store(pair + bias[f], flat, row + first, 0)
                        else:
                            store_part(pair + bias[f], flat, row + first, 0, 1, limit)
                    else:
                        for s in range(step[1]):
                            for t in range(length):
                                if 0 <= first + s + t * step[1] < W:
                                    flat[row + first + s + t * step[1]] = y[at + s * size + t] + bias[f]
