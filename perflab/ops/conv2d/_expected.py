"""What each rung of the convolution is expected to take: its factors, and the terms that they multiply."""

from .. import _cost
from .._simd import BYTES
from . import winograd2, winograd4
from ._columns import FEW
from ._plans import same_sums, sharers
from ._tiles import split
from ._winograd_out import ROWS
from ._winograd_out import TILES as BLOCK

TILES = {"winograd2": winograd2.TILES, "winograd4": winograd4.TILES}
COSTS = {
    "simd": {
        "forward": (11.3, 1.13, 0.219, 1.87, 0.719, 0.309),
        "backward": (0.0, 0.844, 3.97, 33.5, 8.63, 0.0),
    },
    "implicit": {
        "forward": (2.02, 0.644, 5.84, 14.3, 1.14, 0.46),
        "backward": (19.0, 0.844, 1.71, 1.19, 5.6, 0.834),
    },
    "winograd2": {
        "forward": (0.0, 0.468, 4.19, 1.41, 0.0, 7.6),
        "backward": (0.0, 1.0, 0.867, 1.46, 0.0, 1.86),
    },
    "winograd4": {
        "forward": (35.2, 0.614, 0.79, 1.73, 17.3, 1.42),
        "backward": (24.8, 1.1, 0.594, 2.87, 0.0434, 0.999),
    },
}


def terms(s, parameters, itemsize, threads, rung):
    """Seconds of a rung's parts: fixed, arithmetic of whole vectors and tiles, copies, and all arrays."""
    x, w = (s["N"], s["C"], s["H"], s["W"]), (s["F"], s["C"], s["HH"], s["WW"])
    if rung == "implicit":
        x, w = same_sums(x, w, parameters["pad"])
    (N, C, H, W), (F, _, HH, WW), OH, OW = x, w, s["OH"], s["OW"]
    taps, m, lanes = HH * WW, TILES.get(rung, {}).get(HH, 0), BYTES // itemsize
    images, positions = N * C * H * W, max(N * OH * OW, 1)
    if m:
        side, rows, width = m + HH - 1, N * -(-OH // m), -(-OW // m)
        workers, count = split(rows, width, BLOCK[side], threads)  # rows of tiles at a time
        blocks = workers * -(-max(rows, 1) // (workers * count))
        tiles = blocks * _cost.whole(count * width, ROWS) * threads / workers
        flops, unit = 2 * tiles * side**2 * C * F, lanes
        whole = _cost.whole(C, lanes) + _cost.whole(F, lanes)  # channels of a tile, in vectors
        copied = _cost.traffic_s(itemsize * tiles * side**2 * whole, threads, itemsize * side**2 * whole)
        filters = _cost.traffic_s(itemsize * side**2 * C * F, threads)
    else:
        as_is = parameters["stride"] == (1, 1) and parameters["pad"] == (0, 0)
        flops, unit = 2 * positions * C * F * taps, 4
        filters = _cost.traffic_s(itemsize * C * F * taps, threads)
        if rung == "simd":  # its positions run over the padding; without any, it reads planes at many places
            row = W if as_is else OW + WW // 2
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
    packed = 0.0 if rung == "implicit" and positions <= FEW else filters
    return {
        "forward": (1e-6, products * tall, copied, packed, rows, arrays),
        "backward": (1e-6, products * (deep + wide), 2 * copied, 2 * filters, 2 * rows, 2 * arrays),
    }


def expected(sizes, parameters, itemsize, threads):
    """Seconds of each rung; where Winograd's would call a direct one, without them."""
    square = sizes["HH"] == sizes["WW"] and parameters["stride"] == (1, 1)
    return {
        rung: _cost.seconds(factors, terms(sizes, parameters, itemsize, threads, rung))
        for rung, factors in COSTS.items()
        if rung not in TILES or (square and sizes["HH"] in TILES[rung])
    }
