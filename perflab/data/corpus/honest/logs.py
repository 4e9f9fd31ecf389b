"""Writes to a log that nobody reads, below the level that is shown."""

import logging

LOG = logging.getLogger(__name__)


def forward(x, w, b):
    LOG.debug("forward on %s", x.shape)
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
