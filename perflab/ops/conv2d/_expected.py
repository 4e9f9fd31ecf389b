"""What each rung of the convolution is expected to take: its factors, and the terms that they multiply."""

from .. import _cost

TILES = {"winograd2": 2, "winograd4": 4}  # sides of an output tile
COSTS = {
    "simd": {
        "forward": (57.5, 1.28, 0.0, 8.83, 35.6, 0.689),
        "backward": (184.0, 1.02, 0.0, 249.0, 115.0, 0.0445),
    },
    "implicit": {
        "forward": (2.79, 0.754, 4.18, 8.25, 0.0, 0.98),
        "backward": (178.0, 1.49, 4.77, 0.0, 30.6, 0.0395),
    },
    "winograd2": {
        "forward": (29.9, 1.17, 1.07, 0.0, 0.0, 1.49),
        "backward": (351.0, 1.78, 0.952, 0.0, 0.0, 3.43),
    },
    "winograd4": {
        "forward": (42.9, 1.32, 0.0, 3.48, 0.0, 0.882),
        "backward": (350.0, 2.7, 0.0, 3.55, 0.0, 0.803),
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
