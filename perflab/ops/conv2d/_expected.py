"""What each rung of the convolution is expected to take: its factors, and the terms that they multiply."""

from .. import _cost

TILES = {"winograd2": 2, "winograd4": 4}  # sides of an output tile
COSTS = {
    "simd": {
        "forward": (89.8, 1.17, 0.0, 9.94, 38.7, 0.658),
        "backward": (42.5, 1.08, 0.0, 83.7, 107.0, 0.0223),
    },
    "implicit": {
        "forward": (2.92, 0.852, 4.94, 2.17, 0.0, 0.825),
        "backward": (35.5, 1.38, 3.81, 0.0413, 39.5, 0.0395),
    },
    "winograd2": {
        "forward": (30.1, 0.996, 1.68, 0.765, 0.0, 1.57),
        "backward": (171.0, 1.34, 3.1, 1.6, 0.0, 3.64),
    },
    "winograd4": {
        "forward": (48.6, 1.21, 0.066, 2.84, 0.0, 0.816),
        "backward": (208.0, 2.41, 0.0, 2.01, 0.0, 0.784),
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
