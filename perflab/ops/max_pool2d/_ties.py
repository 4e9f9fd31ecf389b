"""Where maxima tie, the derivative is not unique: whether a gradient is one of those that are valid."""

import numpy as np

ROUNDINGS = 32


def is_subgradient(eps, got, dout, x, size, stride):
    """Whether each window's gradient is divided among its maxima, and nothing else is in `got`.

    A window's share of an element lies between 0 and its whole gradient, and all its shares add up to that.
    Windows that share tied maxima are looked at together: what they give in all is known, and how much each
    element may get. (N,C,H,W) like x; `eps` is the size of a rounding.
    """
    OH, OW = dout.shape[2:]
    taps = [
        np.s_[:, :, u : u + stride[0] * OH : stride[0], v : v + stride[1] * OW : stride[1]]
        for u, v in np.ndindex(*size)
    ]
    out = np.full(dout.shape, -np.inf)
    for tap in taps:
        out = np.maximum(out, x[tap])  # NaN if there is one
    met = [(x[tap] == out) | (np.isnan(x[tap]) & np.isnan(out)) for tap in taps]
    alone = sum(hit.astype(int) for hit in met) == 1
    dout = np.asarray(dout, np.float64)
    least, most, size_there = (np.zeros(x.shape) for _ in range(3))
    for tap, hit in zip(taps, met, strict=True):
        least[tap] += np.where(hit, np.where(alone, dout, np.minimum(dout, 0)), 0)
        most[tap] += np.where(hit, np.where(alone, dout, np.maximum(dout, 0)), 0)
        size_there[tap] += np.where(hit, np.abs(dout), 0)
    allowed = ROUNDINGS * eps * size_there
    if not ((got >= least - allowed) & (got <= most + allowed)).all():
        return False
    of_window, of_element = _groups(taps, met, dout.shape, x.shape)

    def total(groups, values):
        return np.bincount(groups.ravel(), np.ravel(values).astype(np.float64), x.size + 1)

    return bool((np.abs(total(of_element, got) - total(of_window, dout)) <= total(of_element, allowed)).all())


def _groups(taps, met, windows, elements):
    """A number for every window and element, the same for those that tied maxima link."""
    last = int(np.prod(elements))
    of_element = np.arange(last).reshape(elements)
    while True:
        of_window, before = np.full(windows, last), of_element.copy()
        for tap, hit in zip(taps, met, strict=True):
            of_window = np.where(hit, np.minimum(of_window, of_element[tap]), of_window)
        for tap, hit in zip(taps, met, strict=True):
            of_element[tap] = np.where(hit, np.minimum(of_element[tap], of_window), of_element[tap])
        if np.array_equal(before, of_element):
            return of_window, of_element
