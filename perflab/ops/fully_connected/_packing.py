"""Copies of blocks in the order in which a tile reads them."""

from numba import njit

from .._simd import lanes, load, load_part, store
from ._turned import load_turned


@njit(cache=True, error_model="numpy")
def pack(source, at, across, along, width, depth, panel, out):
    """source[at + i·across + k·along] of width × depth -> panels of `panel` numbers for each k in turn.

    A vector is stored whole even where it reaches beyond its row of a panel, as long as that is written
    later: on some processors a masked store takes many times as long. The rest is copied one by one.
    """
    L = lanes(out)
    if across == 1:
        for k0 in range(0, depth, 8):  # eight rows at a time, so that they are read along memory
            for start in range(0, width, panel):
                wide = min(panel, width - start)
                for k in range(k0, min(k0 + 8, depth)):
                    i, to = at + start + k * along, start * depth + k * panel
                    if wide == 2 * L:
                        store(load(source, i, 0, 1, 2), out, to, 0)
                    elif k < depth - 1:
                        for v in range((wide - 1) // L * L, -1, -L):
                            store(load_part(source, i + v, 0, 1, 1, 1, wide - v), out, to + v, 0)
                    else:
                        for r in range(wide):
                            out[to + r] = source[i + r]
        return
    for start in range(0, width, panel):
        wide, to, turned = min(panel, width - start), start * depth, 0
        if along == 1:
            turned = max(depth if start + panel < width else depth - 1, 0) // L * L
        for v in range((wide - 1) // L * L, -1, -L):
            i = at + (start + v) * across
            for k in range(0, turned, L):
                store(load_turned(source, i + k, across, width - start - v), out, to + k * panel + v, panel)
        for k in range(turned, depth):
            for r in range(wide):
                out[to + k * panel + r] = source[at + (start + r) * across + k * along]
