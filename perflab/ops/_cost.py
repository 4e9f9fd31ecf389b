"""What a call costs, before it is made: arithmetic and bytes, each over what the host does in a second.

A choice between techniques needs the ratios of their costs only: the clock and the bytes a cycle are nominal,
the register width, the fused multiply-add and the caches are the host's. A technique's own factors over these
rates are in its `auto.py`.
"""

import os

from ._simd import BYTES, FUSED

CLOCK = 3e9
BYTES_A_CYCLE = {"L2": 32.0, "L3": 10.0, "memory": 4.0}  # of one core
MEMORY_CORES = 2.0  # so many cores use all of the memory's bandwidth


def _cache(level, usual):
    """Bytes of a cache as the C library reports them; the usual ones where it does not."""
    try:
        found = os.sysconf(f"SC_LEVEL{level}_CACHE_SIZE")
    except (AttributeError, OSError, ValueError):
        found = 0
    return found if found > 0 else usual


L2, L3 = _cache(2, 1 << 20), _cache(3, 16 << 20)


def arithmetic_s(flops, itemsize, threads):
    """Seconds of so many operations at the peak of two multiply-add units."""
    return flops / (threads * CLOCK * (8 if FUSED else 4) * BYTES / itemsize / 2)


def traffic_s(count, threads, of=None):
    """Seconds to move so many bytes, part of a working set `of` that decides from where they come."""
    of = count if of is None else of
    if of <= L2 * threads:
        return count / (threads * CLOCK * BYTES_A_CYCLE["L2"])
    if of <= L3:
        return count / (threads * CLOCK * BYTES_A_CYCLE["L3"])
    return count / (min(threads, MEMORY_CORES) * CLOCK * BYTES_A_CYCLE["memory"])


def whole(count, unit):
    """The next multiple of a unit: what a loop over whole tiles computes."""
    return -(-count // unit) * unit


def fastest(costs):
    """The rungs with the least costs of forward and of backward; of equal ones the first."""
    return tuple(min(costs, key=lambda rung: costs[rung][way]) for way in ("forward", "backward"))


def fastest_of_both(costs):
    """The rung with the least cost of both together."""
    return min(costs, key=lambda rung: sum(costs[rung].values()))


def seconds(costs, terms):
    """What each rung takes by direction: the sum of the terms, each times the rung's factor.

    `costs` has the factors of "forward" and "backward" by rung, `terms` the seconds that they multiply.
    """
    return {
        rung: {
            way: sum(factor * term for factor, term in zip(factors, terms[way], strict=True))
            for way, factors in ways.items()
        }
        for rung, ways in costs.items()
    }
