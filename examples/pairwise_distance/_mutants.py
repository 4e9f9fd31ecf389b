"""Known mistakes in pairwise distances. The checks must catch every one of them."""

from perflab.contract import Mutant

from . import product, vectorized

right, right_back = vectorized.forward, vectorized.backward

OUT = r"\mathrm{out}_{n,m} = \sum_d (x_{n,d} - y_{m,d})^2"
DX = r"\mathrm{dx}_{n,d} = \sum_m 2\, \mathrm{dout}_{n,m}\, (x_{n,d} - y_{m,d})"
DY = r"\mathrm{dy}_{m,d} = -\sum_n 2\, \mathrm{dout}_{n,m}\, (x_{n,d} - y_{m,d})"


def product_once(x, y):
    out, cache = product.forward(x, y)
    return out + x @ y.T, cache


def dy_with_the_sign_of_dx(dout, cache):
    dx, dy = right_back(dout, cache)
    return dx, -dy


def half(dout, cache):
    dx, dy = right_back(dout, cache)
    return dx / 2, dy / 2


def upstream_ignored(dout, cache):
    return right_back(dout * 0 + 1, cache)


mutants = (
    Mutant("product_once", "the mixed term lacks its 2", product_once, right_back, OUT),
    Mutant("dy_with_the_sign_of_dx", "dy lacks its minus", right, dy_with_the_sign_of_dx, DY),
    Mutant("half", "the gradients lack the 2 of the square", right, half, DX),
    Mutant("upstream_ignored", "the upstream gradient is taken to be one", right, upstream_ignored, DX),
)
