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
        "forward": (0.324, 0.965, 4.53, 5.62, 13.4, 0.449),
        "backward": (0.0442, 1.03, 12.7, 14.7, 11.3, 0.109),
    },
    "implicit": {
        "forward": (9.57, 0.83, 4.16, 0.0, 0.0, 0.632),
        "backward": (16.9, 1.26, 0.787, 0.22, 1.97, 0.127),
    },
    "winograd2": {
        "forward": (9.5, 0.849, 2.85, 3.4, 14.6, 1.7),
        "backward": (377.0, 1.17, 1.92, 2.72, 0.0, 3.39),
    },
    "winograd4": {
        "forward": (27.4, 1.22, 0.177, 1.93, 0.0, 1.33),
        "backward": (35.1, 1.81, 0.0, 3.24, 14.0, 0.173),
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
