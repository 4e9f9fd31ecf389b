"""Known mistakes, which the checks must catch: a check that catches none of them shows nothing.

`perflab verify` says which are not caught. When a file of somebody else's is wrong in the way of one of them,
its `lesson` is what perflab says, with the line of derivation.md that it breaks.
"""

from perflab.contract import Mutant

from . import vectorized

OUT = r"\mathrm{out}_n = \sum_d w_d\, x_{n,d}^2"
DX = r"\mathrm{dx}_{n,d} = 2\, \mathrm{dout}_n\, w_d\, x_{n,d}"


def weights_squared(x, w):
    return (x * w) ** 2 @ (w * 0 + 1), (x, w)


def half_a_gradient(dout, cache):
    dx, dw = vectorized.backward(dout, cache)
    return dx / 2, dw


mutants = (
    Mutant("weights_squared", "the weights are squared too", weights_squared, vectorized.backward, OUT),
    Mutant("half_a_gradient", "dx lacks the 2 of the square", vectorized.forward, half_a_gradient, DX),
)
