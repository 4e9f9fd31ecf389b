"""Known mistakes in layer normalisation. The checks must catch every one of them."""

import numpy as np

from perflab.contract import Mutant

from . import vectorized

right, right_back = vectorized.forward, vectorized.backward

SCALE = r"s_n = \frac{1}{\sqrt{v_n + \mathrm{eps}}}"
MEAN = r"m_n = \frac{1}{D} \sum_d x_{n,d}"
DX = (
    r"\mathrm{dx}_{n,d} = s_n \left( \mathrm{dh}_{n,d} - \frac{1}{D} \sum_k \mathrm{dh}_{n,k}"
    r" - \frac{h_{n,d}}{D} \sum_k \mathrm{dh}_{n,k}\, h_{n,k} \right)"
)
DG = r"\mathrm{dg}_d = \sum_n \mathrm{dout}_{n,d}\, h_{n,d}"


def _forward(x, g, b, eps, *, axis=1, outside=False):
    centred = x - x.mean(axis=axis, keepdims=True)
    variance = (centred * centred).mean(axis=axis, keepdims=True)
    with np.errstate(all="ignore"):
        scale = 1 / (np.sqrt(variance) + eps if outside else np.sqrt(variance + eps))
    xhat = centred * scale
    return xhat * g + b, (xhat, np.broadcast_to(scale, (len(x), 1)) if axis == 1 else scale, g)


def of_the_batch(x, g, b, eps):
    return _forward(x, g, b, eps, axis=0)


def eps_outside(x, g, b, eps):
    return _forward(x, g, b, eps, outside=True)


def mean_is_constant(dout, cache):
    xhat, scale, g = cache
    dxhat = dout * g
    along = (dxhat * xhat).mean(axis=1, keepdims=True)
    return (dxhat - xhat * along) * scale, *right_back(dout, cache)[1:]


def variance_is_constant(dout, cache):
    xhat, scale, g = cache
    dxhat = dout * g
    return (dxhat - dxhat.mean(axis=1, keepdims=True)) * scale, *right_back(dout, cache)[1:]


def scale_averaged(dout, cache):
    dx, dg, db = right_back(dout, cache)
    return dx, dg / max(len(dout), 1), db


mutants = (
    Mutant("of_the_batch", "mean and variance run over the samples: batch normalisation", of_the_batch,
           right_back, MEAN),
    Mutant("eps_outside", "eps is added to the root, not to the variance", eps_outside, right_back, SCALE),
    Mutant("mean_is_constant", "the mean's own gradient is forgotten", right, mean_is_constant, DX),
    Mutant("variance_is_constant", "the variance's own gradient is forgotten", right, variance_is_constant,
           DX),
    Mutant("scale_averaged", "dg is a mean over the batch, where it is a sum", right, scale_averaged, DG),
)  # fmt: skip
