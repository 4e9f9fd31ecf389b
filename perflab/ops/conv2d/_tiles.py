"""Images to transformed tiles, a block of tile rows at a time; the memory for this.

Transformed tiles have the axes (n·n positions, panels, tiles, channels of a panel). A panel is two
registers wide: the numbers are stored in the order in which a product reads them.
"""

from numba import njit

from .._arrays import aligned
from .._simd import LANES, lanes, store, tile
from ._lanes import to_lanes
from ._transforms import transform_input, transform_upstream


def workspace(workers, size, dtype):
    """Memory for each worker, aligned to cache lines."""
    line = 64 // dtype.itemsize
    return aligned((workers, -(-size // line) * line), dtype)


def whole(size, dtype):
    """A number of channels or filters, rounded up to whole panels."""
    panel = 2 * LANES[dtype]
    return -(-size // panel) * panel


def split(rows, width, tiles, workers):
    """How many workers, and how many rows of tiles at a time, for blocks of about this many tiles."""
    workers = max(1, min(workers, rows))
    each = max(1, -(-rows // workers))
    blocks = -(-each // max(1, tiles // width))
    return workers, -(-each // blocks)


@njit(error_model="numpy")
def rows_to_lanes(x, n, c, top, left, height, width, scratch):
    """scratch[i, q, lane] = x[n, c + lane, top + i, left + q] for height × width pixels; zeros outside."""
    L = lanes(x)
    N, C, H, W = x.shape
    for i in range(height):
        inside = 0 <= top + i < H
        begin = max(-left, 0) if inside else width
        for q in range(begin):
            store(tile(x, 1, 1), scratch, (i * width + q) * L, 0)
        for q in range(begin, width, L):
            at = ((n * C + c) * H + top + i) * W + left + q
            to_lanes(x, at, H * W, C - c, W - left - q, scratch, (i * width + q) * L)


@njit(error_model="numpy")
def transformed(x, m, r, upstream, first, count, begin, C, TH, TW, pad_h, pad_w, v, tiles, scratch):
    """`count` rows of tiles of x's C channels from `begin`, to v, of `tiles` places.

    Upstream: tiles of m×m and no overlap.
    """
    L, size = lanes(x), m if upstream else m + r - 1
    position, width = (C + 2 * L - 1) // (2 * L) * tiles * 2 * L, (TW - 1) * m + size
    for strip in range(count):
        n, i = divmod(first + strip, TH)
        for c in range(0, C, L):
            rows_to_lanes(x, n, begin + c, i * m - pad_h, -pad_w, size, width, scratch)
            for t in range(TW):
                at = (c // (2 * L) * tiles + strip * TW + t) * 2 * L + c % (2 * L)
                below = (m + r - 1) * position
                if upstream:
                    transform_upstream(m, r, scratch, t * m * L, width * L, L, v, at, below, position)
                else:
                    transform_input(m, r, scratch, t * m * L, width * L, L, v, at, below, position)
