"""Fewer multiplications, F(2×2, 3×3): a tile of 2×2 outputs needs 16 for each channel, not 36.

x (N,C,H,W), w (F,C,3,3), b (F,) -> out (N,F,OH,OW); stride 1. Anything else goes to the rung `implicit`.
Tiles of 4×4 inputs, which overlap by two, are evaluated at the points 0, 1, −1 and ∞:

    Bᵀ = [1  0 −1  0]    G = [1  0  0]    Aᵀ = [1  1  1  0]    out = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ x B)] A
         [0  1  1  0]        [½  ½  ½]         [0  1 −1 −1]    dw = Gᵀ [Σ (Bᵀ x B) ⊙ (A dout Aᵀ)] G
         [0 −1  1  0]        [½ −½  ½]
         [0  1  0 −1]        [0  0  1]    dx: the convolution of dout with w flipped, pad 2 − pad

⊙ multiplies numbers at the same position, and the sum over channels is inside the brackets: so the work is 16
matrix products, one for each position. The transforms only add, subtract and halve, so small integers stay
exact; other numbers lose about one binary digit. A NaN makes its whole tile NaN.
"""

from . import _winograd

TILES = {3: 2}  # the sides of an output tile, by those of the kernel


def forward(x, w, b, stride=1, pad=0):
    return _winograd.forward(TILES, x, w, b, stride, pad)


def backward(dout, cache):
    return _winograd.backward(TILES, dout, cache)


def bound(gamma, dout, x, w, b, stride, pad):
    return _winograd.bound(TILES, gamma, dout, x, w, b, stride, pad)
