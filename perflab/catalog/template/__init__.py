"""The square of each weighted row: what `NAME` computes, as it was written by `perflab new --operation`.

It runs at once. Put your own mathematics in the place of this one, a field at a time, and ask after each:

    perflab verify ./NAME                # is every file right? and this description? are the mistakes caught?
    perflab run ./NAME --for 20s         # how fast is each file? The report is in the folder that it names.
    perflab study ./NAME                 # the derivation and the code, rung by rung, with the figures

Every file beside this one whose name does not begin with an underscore is a technique: `forward`, and
`backward` where there are gradients. This folder's code is yours: it runs in perflab's own process, as an
installed package does. Keep the axes in capitals: N samples, D inputs.
"""

import numpy as np

from perflab.contract import Argument, Case, Cost, Operation


# The textbook formula, forward only and as clear as can be: no technique competes with it, all are compared
# with it. It is computed in higher precision than its arguments are measured in, so it converts nothing to a
# dtype. Whole arrays are best: every operation on them is watched, to estimate the rounding bound and to
# count the cost.
def definition(x, w):
    return (x * x * w).sum(axis=1)


# Its derivative along `wrt`, a tuple in that order, given the upstream gradient `dout`, of the output's
# shape. It is compared with central differences of `definition`. Forward only: no `gradient`, an empty `wrt`,
# no `backward`.
def gradient(dout, x, w):
    return 2 * dout[:, np.newaxis] * x * w, dout @ (x * x)


# The size of every axis, those of the output too, from the sizes of a case and its parameters. Raise
# ValueError where they do not fit, with the argument, its size and what was wanted.
def derive(sizes, parameters):
    if sizes["D"] < 1:
        raise ValueError(f"x: D = {sizes['D']}; wanted at least one input")
    return dict(sizes)


# What every implementation must do in each direction. Operations: additions, multiplications, comparisons,
# exponentials, each one. Bytes: every input read once, every output written once; labels have 8 bytes. A
# technique that moves more gets no credit for it. Forward only: {"forward": Cost(…)}.
def cost(sizes, parameters, itemsize):
    N, D = sizes["N"], sizes["D"]
    forward = Cost(3 * N * D, itemsize * (N * D + D + N))
    backward = Cost(5 * N * D, itemsize * (2 * N * D + 2 * D + N))
    step = Cost(forward.flops + backward.flops, itemsize * (2 * N * D + 2 * D + 2 * N))
    return {"forward": forward, "backward": backward, "step": step}


# A case: the size of every axis of the arguments, and how the inputs are drawn: "normal" (with rare large
# values), "integers" (from −4 to 4), "ties" (zeros and ones), "nan", "extreme" (rows up to 4e4 times as
# large). Case("name", sizes, {"reg": 0.1}) gives the values of scalars and pairs.
def case(name, N, D, **more):
    return name, Case(name, {"N": N, "D": D}, **more)


SINCE = {  # the ladder: each technique, and the one that it improves, over which its gain is told
    "naive": "",
    "vectorized": "naive",
    "jit": "naive",
}

operation = Operation(
    name="NAME",  # the folder's name
    title="Weighted squares",  # the heading of the report
    summary="out[n] = Σ over d of w[d]·x[n,d]²",  # one line of plain text
    arguments={
        # In the order of forward's. Kinds: "array" (floats, with its axes), "labels" (integers from 0 to the
        # size of the axis `upper`), "scalar" (a number), "pair" (a stride or a window: one int or two).
        # `scale` makes an array's numbers larger or smaller.
        "x": Argument("x", "array", ("N", "D"), meaning="a batch of inputs, one sample a row"),
        "w": Argument("w", "array", ("D",), scale=0.5, meaning="one weight for each input"),
    },
    out_shape=("N",),  # the output's axes; () for a number
    wrt=("x", "w"),  # the order of the gradients
    formulas={  # the result of the derivation, index by index, for who writes a technique
        "out": "out[n] = Σ over d of w[d]·x[n,d]²",
        "dx": "dx[n,d] = 2·dout[n]·w[d]·x[n,d]",
        "dw": "dw[d] = Σ over n of dout[n]·x[n,d]²",
    },
    definition=definition,
    gradient=gradient,
    derive=derive,
    cost=cost,
    cases=dict([case("tiny", 32, 64), case("small", 128, 256), case("large", 512, 512)]),  # what a run times
    checks=dict(  # what `perflab verify` examines: small, with odd sizes, ones, and an empty batch
        [
            case("odd", 5, 7),
            case("one_sample", 1, 6),
            case("one_input", 5, 1),
            case("square", 4, 4),
            case("integers", 5, 6, inputs="integers"),
            case("empty", 0, 3),
        ]
    ),
    ladder=tuple(SINCE),  # the techniques in teaching order; files that it does not name follow
    since=SINCE,
    small_case="tiny",  # the case that the loops of naive compute in about 0.1 s
    study_case="large",  # the case on which the fastest show what they are for
    exact_on_integers=True,  # whether whole numbers are computed without rounding: any order, the same bits
    kinks=False,  # whether the derivative jumps somewhere, as a maximum's does: inputs then avoid ties
    multiplies=True,  # whether its arithmetic is multiplications and additions, which the machine can fuse
    # bound=…
    #     A function (gamma, dout, *args) -> (bound of out, bounds of the gradients): how far rounding may
    #     take any implementation, element by element, where gamma(k) = k·u / (1 − k·u). Without it the bound
    #     is estimated from the definition.
    # subgradient=…
    # library=…
    #     What else is right of a file from outside, such as a tie divided in another way; see
    #     `perflab.contract.Operation`.
    # contest=…
    #     Further cases, larger ones, as `cases`: those of `perflab run --preset peers`.
)
