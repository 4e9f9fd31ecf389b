"""What a call costs, before it is made: arithmetic and bytes, each over what the host does in a second.

A choice between techniques needs the ratios of their costs only: the clock and the bytes a cycle are nominal,
the register width, the fused multiply-add and the caches are the host's. A technique's own factors over these
rates are in its `auto.py`.
"""

import os
from functools import lru_cache

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


def seconds(factors, terms):
    """What a rung takes by direction: the sum of the terms, in seconds, each times the rung's factor."""
    return {way: sum(f * t for f, t in zip(factors[way], terms[way], strict=True)) for way in factors}


def fastest(costs):
    """The rungs with the least costs of forward and of backward; of equal ones the first."""
    return tuple(min(costs, key=lambda rung: costs[rung][way]) for way in ("forward", "backward"))


def fastest_together(costs):
    """The rung with the least cost of both, twice.

    For rungs that keep different things between them; and for those that call BLAS, since its threads and
    Numba's look for work for a while after a call, and would disturb each other.
    """
    return (min(costs, key=lambda rung: sum(costs[rung].values())),) * 2


def choosing(expected, axes, parameters=(), pick=fastest):
    """`predicted` and `chosen` of a technique that calls what is expected to be the fastest.

    `expected(sizes, parameters, itemsize, threads)` gives seconds by rung and direction. `predicted` takes
    the same, and gives these and the names of the rungs to call for forward and for backward. `chosen` gives
    the names alone, once for all calls: it takes the sizes of these axes, the parameters of these names.
    `predicted.together` says whether one rung is called for both directions.
    """

    def predicted(sizes, given, itemsize, threads):
        costs = expected(sizes, given, itemsize, threads)
        return costs, pick(costs)

    @lru_cache(maxsize=256)
    def chosen(sizes, given, itemsize, threads):
        sizes, given = dict(zip(axes, sizes, strict=True)), dict(zip(parameters, given, strict=True))
        return predicted(sizes, given, itemsize, threads)[1]

    predicted.together = pick is fastest_together
    return predicted, chosen
