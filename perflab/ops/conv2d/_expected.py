"""What each rung of the convolution is expected to take: its factors, and the terms that they multiply."""

from .. import _cost

TILES = {"winograd2": 2, "winograd4": 4}  # sides of an output tile
COSTS = {
    "simd": {
        "forward": (39.4, 1.35, 0.0, 6.29, 35.6, 0.694),
        "backward": (263.0, 1.2, 0.0, 21.6, 114.0, 0.323),
    },
    "implicit": {
        "forward": (10.3, 0.687, 5.8, 10.0, 0.0, 0.966),
        "backward": (243.0, 1.34, 15.1, 0.0647, 0.0, 0.324),
    },
    "winograd2": {
        "forward": (17.7, 1.37, 0.0376, 0.0, 3.83, 2.34),
        "backward": (384.0, 1.95, 0.0, 0.0, 0.0, 2.98),
    },
    "winograd4": {
        "forward": (31.5, 1.59, 0.0, 3.01, 0.0, 0.884),
        "backward": (421.0, 2.99, 0.0, 1.88, 0.0, 1.3),
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
