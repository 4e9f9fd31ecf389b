"""What each rung of the convolution is expected to take: its factors, and the terms that they multiply."""

from .. import _cost
from .._simd import BYTES
from ._plans import sharers

TILES = {"winograd2": 2, "winograd4": 4}  # sides of an output tile
COSTS = {
    "simd": {
        "forward": (1.51, 0.983, 6.31, 4.4, 8.28, 0.475),
        "backward": (0.0, 1.17, 7.15, 12.7, 15.4, 0.0619),
    },
    "implicit": {
        "forward": (0.0, 0.817, 7.62, 0.0, 0.0459, 0.319),
        "backward": (0.0, 1.25, 7.05, 0.0, 0.0, 0.0188),
    },
    "winograd2": {
        "forward": (110.0, 0.85, 3.62, 1.82, 0.0, 1.86),
        "backward": (255.0, 1.23, 4.04, 3.08, 0.0, 1.41),
    },
    "winograd4": {
        "forward": (19.7, 1.27, 0.0848, 2.54, 28.3, 0.861),
        "backward": (46.0, 1.81, 0.794, 3.27, 28.4, 0.0777),
    },
}


def terms(s, parameters, itemsize, threads, rung):
    """Seconds of a rung's parts: fixed, arithmetic of whole vectors and tiles, copies, and all arrays."""
    N, C, F, OH, OW = (s[axis] for axis in ("N", "C", "F", "OH", "OW"))
    taps, m, lanes = s["HH"] * s["WW"], TILES.get(rung, 0), BYTES // itemsize
    images, positions = N * C * s["H"] * s["W"], max(N * OH * OW, 1)
    if m:
        side, tiles = m + 2, N * -(-OH // m) * -(-OW // m)
        flops, unit = 2 * tiles * side**2 * C * F, 2 * lanes
        copied = _cost.traffic_s(itemsize * tiles * side**2 * (C + F), threads, itemsize * side**2 * (C + F))
        filters = _cost.traffic_s(itemsize * side**2 * C * F, threads)
    else:
        as_is = parameters["stride"] == (1, 1) and parameters["pad"] == (0, 0)
        flops, unit = 2 * positions * C * F * taps, 4
        filters = _cost.traffic_s(itemsize * C * F * taps, threads)
        if rung == "simd":  # its positions run over the padding; without any, it reads planes at many places
            row = s["W"] if as_is else OW + s["WW"] // 2
            flops = flops * N * _cost.whole(OH * row, lanes) / positions
            copied = _cost.traffic_s(itemsize * images, threads) if as_is else 0.0
        else:
            flops = flops * _cost.whole(positions, lanes) / positions
            columns = itemsize * positions * C * taps * sharers(positions, F, itemsize, threads)
            copied = _cost.traffic_s(columns, threads, itemsize * C * taps * OW)
    products = _cost.arithmetic_s(flops, itemsize, threads)
    tall, deep, wide = (_cost.whole(n, u) / max(n, 1) for n, u in ((F, unit), (C, unit), (F, lanes)))
    rows = N * OH * (C + F) / _cost.CLOCK / threads
    arrays = _cost.traffic_s(itemsize * (images + F * positions), threads)
    once = copied, filters, rows, arrays
    return {
        "forward": (1e-6, products * tall, *once),
        "backward": (1e-6, products * (deep + wide), *(2 * each for each in once)),
    }


def expected(sizes, parameters, itemsize, threads):
    """Seconds of each rung; where Winograd's would call a direct one, without them."""
    tiled = (sizes["HH"], sizes["WW"]) == (3, 3) and parameters["stride"] == (1, 1)
    return {
        rung: _cost.seconds(factors, terms(sizes, parameters, itemsize, threads, rung))
        for rung, factors in COSTS.items()
        if tiled or rung not in TILES
    }
