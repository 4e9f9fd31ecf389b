"""Copies of blocks in the order in which a tile reads them."""

from numba import njit

from .._simd import lanes, load, load_part, load_turned, store, store_part


@njit(cache=True, error_model="numpy")
def pack(source, at, across, along, width, depth, panel, out):
    """source[at + i·across + k·along] of width × depth -> panels of `panel` numbers for each k in turn."""
    L = lanes(out)
    if across == 1:
        for k0 in range(0, depth, 8):  # eight rows at a time, so that they are read along memory
            for start in range(0, width, panel):
                wide = min(panel, width - start)
                for k in range(k0, min(k0 + 8, depth)):
                    i, to = at + start + k * along, start * depth + k * panel
                    if wide == 2 * L:
                        store(load(source, i, 0, 1, 2), out, to, 0)
                        continue
                    for v in range(0, wide, L):
                        part = min(L, wide - v)
                        store_part(load_part(source, i + v, 0, 1, 1, 1, part), out, to + v, 0, 1, part)
        return
    for start in range(0, width, panel):
        wide = min(panel, width - start)
        for v in range(0, wide, L):
            part, to, i = min(L, wide - v), start * depth + v, at + (start + v) * across
            turned = depth - depth % L if along == 1 and start + v + L <= width else 0
            for k in range(0, turned, L):
                store_part(load_turned(source, i + k, across), out, to + k * panel, panel, L, part)
            for k in range(turned, depth):
                for r in range(part):
                    out[to + k * panel + r] = source[i + r * across + k * along]
