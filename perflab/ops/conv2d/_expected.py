"""What each rung of the convolution is expected to take: its factors, and the terms that they multiply."""

from .. import _cost

TILES = {"winograd2": 2, "winograd4": 4}  # sides of an output tile
COSTS = {
    "simd": {
        "forward": (484.0, 1.75, 0.0, 20.6, 55.6, 3.48),
        "backward": (1080.0, 1.75, 0.0, 20.8, 34.1, 1.36),
    },
    "implicit": {
        "forward": (470.0, 1.43, 0.0, 5.93, 0.0, 1.62),
        "backward": (325.0, 1.64, 0.0, 12.3, 5.18, 1.06),
    },
    "winograd2": {
        "forward": (536.0, 1.7, 0.0, 13.1, 0.0, 1.23),
        "backward": (474.0, 2.1, 0.0, 13.4, 0.0, 0.0),
    },
    "winograd4": {
        "forward": (384.0, 2.34, 0.0, 4.89, 0.0, 4.4),
        "backward": (531.0, 2.7, 0.0, 5.68, 0.0, 0.0),
    },
}


def terms(s, itemsize, threads, m=0):
    """Seconds of the parts of a direct sum, or of tiles of m × m outputs."""
    N, C, F, OH, OW = (s[axis] for axis in ("N", "C", "F", "OH", "OW"))
    taps, side = s["HH"] * s["WW"], m + 2
    if m:
        tiles = N * -(-OH // m) * -(-OW // m)
        products = _cost.arithmetic_s(2 * tiles * side**2 * C * F, itemsize, threads)
        copied = _cost.traffic_s(itemsize * tiles * side**2 * (C + F), threads, itemsize * side**2 * (C + F))
        filters = _cost.traffic_s(itemsize * side**2 * C * F, threads)
    else:
        products = _cost.arithmetic_s(2 * N * OH * OW * C * F * taps, itemsize, threads)
        copied = _cost.traffic_s(itemsize * N * OH * OW * C * taps, threads, itemsize * C * taps * OW)
        filters = _cost.traffic_s(itemsize * C * F * taps, threads)
    rows = N * OH * (C + F) / _cost.CLOCK / threads
    arrays = _cost.traffic_s(itemsize * N * (C * s["H"] * s["W"] + F * OH * OW), threads)
    once = 1e-6, products, copied, filters, rows, arrays
    return {"forward": once, "backward": (1e-6, *(2 * each for each in once[1:]))}


def expected(sizes, parameters, itemsize, threads):
    """Seconds of each rung; where Winograd's would call a direct one, without them."""
    tiled = (sizes["HH"], sizes["WW"]) == (3, 3) and parameters["stride"] == (1, 1)
    found = {}
    for rung, factors in COSTS.items():
        m = TILES.get(rung, 0)
        if tiled or not m:
            found[rung] = _cost.seconds(factors, terms(sizes, itemsize, threads, m))
    return found
