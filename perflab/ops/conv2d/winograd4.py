"""Larger tiles, F(4×4, 3×3): 36 multiplications for 16 outputs, a quarter of 144, but less accurate.

x (N,C,H,W), w (F,C,3,3) or (F,C,5,5), b (F,) -> out (N,F,OH,OW); stride 1. Anything else goes to the rung
`implicit`. Tiles of 6×6 inputs, which overlap by two, are evaluated at the points 0, 1, −1, 2, −2 and ∞:

    Bᵀ = [4  0 −5  0  1  0]    G = 1/24 [ 6  0  0]    Aᵀ = [1  1  1  1  1  0]
         [0 −4 −4  1  1  0]             [−4 −4 −4]         [0  1 −1  2 −2  0]
         [0  4 −4 −1  1  0]             [−4  4 −4]         [0  1  1  4  4  0]
         [0 −2 −1  2  1  0]             [ 1  2  4]         [0  1 −1  8 −8  1]
         [0  2 −1 −2  1  0]             [ 1 −2  4]
         [0  4  0 −5  0  1]             [ 0  0 24]

With the same points, and so the same B, these tiles give 2×2 outputs of a 5×5 kernel, F(2×2, 5×5): 36
multiplications instead of 100. They overlap by four then; G has two columns more, A two fewer.

Multiples up to 8 are added and cancel later, and 1/6 has no exact binary form: results are less accurate than
those of the direct sum by about one decimal digit, and not exact on integers. Tiles that reach beyond the
output are computed whole: where its sides are small and no multiples of 4, less is saved.
"""

from . import _winograd

TILES = {3: 4, 5: 2}  # the sides of an output tile, by those of the kernel
exact_on_integers = False


def forward(x, w, b, stride=1, pad=0):
    return _winograd.forward(TILES, x, w, b, stride, pad)


def backward(dout, cache):
    return _winograd.backward(TILES, dout, cache)


def bound(gamma, dout, x, w, b, stride, pad):
    return _winograd.bound(TILES, gamma, dout, x, w, b, stride, pad)
