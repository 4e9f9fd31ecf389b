"""The door: bad input is refused by name at the public face, good input passes in every form it may take."""

import re
import warnings
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from conftest import quick

import perflab
from perflab import oracle
from perflab.catalog import inputs
from perflab.contract import DTYPES, Case

# Every axis has a size of its own, so that a message which names the wrong one cannot pass.
SIZES = {
    "softmax_loss": {"N": 4, "D": 3, "C": 5},
    "fully_connected": {"N": 4, "D": 3, "M": 5},
    "conv2d": {"N": 2, "C": 3, "H": 6, "W": 7, "F": 4, "HH": 5, "WW": 1},
    "max_pool2d": {"N": 2, "C": 3, "H": 6, "W": 7},
    "rnn": {"N": 4, "T": 2, "D": 3, "H": 5},
    "mlp": {"N": 4, "n": 3, "h": 5, "k": 2},
}
PARAMETERS = {"softmax_loss": {"reg": 0.5}, "conv2d": {"stride": (2, 1), "pad": (1, 0)}}


@dataclass(frozen=True)
class Door:
    """One implementation as the public face gives it, and how to call it."""

    operation: str
    technique: str

    @property
    def described(self):
        return perflab.operation(self.operation)

    @property
    def implementation(self):
        return perflab.implementation(self.operation, self.technique)

    @property
    def case(self):
        return Case("door", SIZES[self.operation], PARAMETERS.get(self.operation, {}))

    @property
    def dtype(self):
        return "float64" if quick(self.operation, self.technique, "float64") else "float32"

    def arguments(self, dtype=None):
        return inputs.make(self.described, self.case, dtype or self.dtype)

    def upstream(self, dtype=None):
        return inputs.upstream(self.described, self.case, dtype or self.dtype)

    def forward(self, **changed):
        """One call with good arguments, but for those that are changed."""
        return self.implementation.forward(**(self.arguments() | changed))

    def step(self, args, dout):
        """Forward and backward: out, then the gradients."""
        out, cache = self.implementation.forward(**args)
        return (out, *self.implementation.backward(dout, cache))

    def shape(self, name):
        return tuple(SIZES[self.operation][axis] for axis in self.described.arguments[name].shape)

    def __str__(self):
        return f"{self.operation}/{self.technique}"


DOORS = [Door(op, technique) for op in perflab.operations() for technique in perflab.techniques(op)]
# The door refuses before it sees the technique, so that one technique stands for all of its operation.
FIRST_DOORS = [Door(op, "vectorized") for op in perflab.operations()]


def each(*kinds, first=True):
    """One door of every operation with every argument of these kinds; `first`: whether to keep the first."""
    return [
        pytest.param(door, name, id=f"{door}-{name}")
        for door in FIRST_DOORS
        for position, (name, argument) in enumerate(door.described.arguments.items())
        if argument.kind in kinds and (first or position > 0)
    ]


def doors_of(operation):
    return [door for door in FIRST_DOORS if door.operation == operation]


def each_dtype(doors):
    """These doors in every dtype; what the quick tests do not compile is slow."""
    return [
        pytest.param(
            door,
            dtype,
            id=f"{door}-{dtype}",
            marks=() if quick(door.operation, door.technique, dtype) else pytest.mark.slow,
        )
        for door in doors
        for dtype in DTYPES
    ]


every_door = pytest.mark.parametrize("door", DOORS, ids=str)
every_operation = pytest.mark.parametrize("door", FIRST_DOORS, ids=str)
every_array = pytest.mark.parametrize(("door", "name"), each("array"))
every_pair = pytest.mark.parametrize(("door", "name"), each("pair"))
every_door_and_dtype = pytest.mark.parametrize(("door", "dtype"), each_dtype(DOORS))
softmax_door = pytest.mark.parametrize("door", doors_of("softmax_loss"), ids=str)
conv2d_door = pytest.mark.parametrize("door", doors_of("conv2d"), ids=str)
rnn_door = pytest.mark.parametrize("door", doors_of("rnn"), ids=str)
mlp_door = pytest.mark.parametrize("door", doors_of("mlp"), ids=str)
array_doors = pytest.mark.parametrize("door", [d for d in FIRST_DOORS if d.described.out_shape], ids=str)


def refused(kind, name, *said):
    """A refusal that begins with the argument's name and then says each of these, in order."""
    parts = [re.escape(part) for part in said]
    return pytest.raises(kind, match="^" + re.escape(f"{name}: ") + "(?s:.*)".join(["", *parts]))


# ------------------------------------------------------------------------------- arrays that do not fit

WRONG_ARRAYS = {
    "int64": lambda a: np.ones(a.shape, np.int64),
    "bool": lambda a: np.ones(a.shape, bool),
    "complex128": lambda a: a.astype(np.complex128),
    "float16": lambda a: a.astype(np.float16),
    np.dtype(np.longdouble).name: lambda a: a.astype(np.longdouble),
    "float64 array of foreign byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "object": lambda a: a.astype(object),
    "str": lambda a: a.astype(str),
    "masked array": lambda a: np.ma.masked_array(a),
    "list": lambda a: a.tolist(),
    "NoneType": lambda a: None,
    "0.5 (float)": lambda a: 0.5,
}


@every_array
@pytest.mark.parametrize("was", WRONG_ARRAYS)
def test_what_is_no_native_float_array_is_refused(door, name, was):
    wrong = WRONG_ARRAYS[was](door.arguments()[name])
    with refused(TypeError, name, was, "wanted a float32 or float64 array of shape (") as caught:
        door.forward(**{name: wrong})
    for axis in door.described.arguments[name].shape:
        assert axis in str(caught.value), "the message names the axes that were wanted"


@every_door
def test_every_technique_stands_behind_the_door(door):
    name, good = next(iter(door.arguments().items()))
    with refused(TypeError, name, "list", "wanted a float32 or float64 array of shape ("):
        door.forward(**{name: good.tolist()})
    _, cache = door.forward()
    with refused(TypeError, "dout", "list", "wanted"):
        door.implementation.backward([1.0], cache)


@every_array
@pytest.mark.parametrize("rank", ["one too many", "one too few", "none"])
def test_a_wrong_rank_is_refused(door, name, rank):
    good = door.arguments()[name]
    wrong = {"one too many": good[np.newaxis], "one too few": good[0], "none": np.array(0.5)}[rank]
    wrong = np.asarray(wrong)
    with refused(
        ValueError, name, f"shape {wrong.shape} has {wrong.ndim} axes", "wanted", "array of shape ("
    ):
        door.forward(**{name: wrong})


@pytest.mark.parametrize(("door", "name"), each("array", first=False))
def test_mixed_dtypes_are_refused(door, name):
    first = next(iter(door.described.arguments))
    wrong = door.arguments("float32")[name]
    with refused(TypeError, name, "float32", f"{first} is float64", "one dtype is wanted"):
        door.forward(**{name: wrong})


DISAGREEMENTS = [
    ("softmax_loss", "W", "D", "X"),
    ("softmax_loss", "y", "N", "X"),
    ("fully_connected", "w", "D", "x"),
    ("fully_connected", "b", "M", "w"),
    ("conv2d", "w", "C", "x"),
    ("conv2d", "b", "F", "w"),
    ("rnn", "h0", "N", "x"),
    ("rnn", "Wx", "D", "x"),
    ("rnn", "Wx", "H", "h0"),
    ("rnn", "b", "H", "h0"),
    ("mlp", "W2", "n", "x"),
    ("mlp", "b2", "h", "W2"),
    ("mlp", "W3", "h", "W2"),
    ("mlp", "b3", "k", "W3"),
    ("mlp", "t", "N", "x"),
    ("mlp", "t", "k", "W3"),
]


@pytest.mark.parametrize(
    ("door", "name", "axis", "owner"),
    [
        pytest.param(door, *rest, id=f"{door}-{rest[0]}-{rest[1]}")
        for operation, *rest in DISAGREEMENTS
        for door in doors_of(operation)
    ],
)
@pytest.mark.parametrize("change", [-1, +1])
def test_sizes_that_do_not_agree_are_refused(door, name, axis, owner, change):
    argument = door.described.arguments[name]
    sizes = SIZES[door.operation]
    shape = tuple(sizes[a] + (change if a == axis else 0) for a in argument.shape)
    wrong = np.zeros(shape, door.arguments()[name].dtype)
    said = (
        f"shape {shape}, so {axis} = {sizes[axis] + change}",
        f"{owner} says {axis} = {sizes[axis]}",
        "wanted (",
    )
    with refused(ValueError, name, *said):
        door.forward(**{name: wrong})


# ---------------------------------------------------------------------------------------------- labels

BAD_LABELS = {
    "C": (np.int64, 5),
    "minus one": (np.int64, -1),
    "minus one in eight bits": (np.int8, -1),
    "just past, unsigned": (np.uint8, 5),
    "255 in eight bits": (np.uint8, 255),
    "huge": (np.int64, 2**63 - 1),
    "most negative": (np.int64, -(2**63)),
    "huge, unsigned": (np.uint64, 2**64 - 1),  # −1 once it is read as int64
}


@softmax_door
@pytest.mark.parametrize("which", BAD_LABELS)
def test_a_label_outside_the_classes_is_refused(door, which):
    dtype, label = BAD_LABELS[which]
    y = np.array([0, 1, label, 2], dtype)
    with refused(ValueError, "y", f"y[2] = {label}", "wanted labels in [0, C) = [0, 5)"):
        door.forward(y=y)


WRONG_LABELS = {
    "float64": np.array([0.0, 1.0, 2.0, 3.0]),
    "bool": np.array([True, False, True, False]),
    "object": np.array([0, 1, 2, 3], object),
    "str": np.array(["0", "1", "2", "3"]),
    "masked array": np.ma.masked_array([0, 1, 2, 3]),
    "[0, 1, 2, 3] (list)": [0, 1, 2, 3],
    "NoneType": None,
}


@softmax_door
@pytest.mark.parametrize("was", WRONG_LABELS)
def test_labels_that_are_no_integer_array_are_refused(door, was):
    with refused(TypeError, "y", was, "wanted an integer array of shape (N,) with labels in [0, C)"):
        door.forward(y=WRONG_LABELS[was])


@softmax_door
def test_one_hot_labels_are_refused(door):
    with refused(ValueError, "y", "shape (4, 5) has 2 axes", "wanted an integer array of shape (N,)"):
        door.forward(y=np.eye(4, 5, dtype=np.int64))


@softmax_door
def test_an_empty_batch_has_no_mean_loss_and_is_refused(door):
    with refused(ValueError, "X", "N = 0", "wanted N >= 1"):
        door.forward(X=np.zeros((0, 3)), y=np.zeros(0, np.int64))


@softmax_door
def test_no_classes_at_all_are_refused(door):
    with pytest.raises(ValueError, match=r"^[yW]: .*(C = 0|\[0, C\) = \[0, 0\))"):
        door.forward(W=np.zeros((3, 0)))


@mlp_door
@pytest.mark.parametrize(
    ("axis", "name", "wanted"), [("N", "x", "wanted N >= 1"), ("k", "W3", "wanted k >= 1")]
)
def test_a_mean_over_nothing_is_refused(door, axis, name, wanted):
    args = inputs.make(door.described, Case("none", SIZES["mlp"] | {axis: 0}), "float64")
    with refused(ValueError, name, f"{axis} = 0", wanted):
        door.implementation.forward(**args)


# ---------------------------------------------------------------------------------- windows and strides

WRONG_PAIRS = {
    "1.5 (float)": 1.5,
    "2.0 (float)": 2.0,
    "'2' (str)": "2",
    "True (bool)": True,
    "NoneType": None,
    "(1, 2, 3) (tuple)": (1, 2, 3),
    "(1,) (tuple)": (1,),
    "() (tuple)": (),
    "(1, 2.0) (tuple)": (1, 2.0),
    "(True, 1) (tuple)": (True, 1),
    "(1, None) (tuple)": (1, None),
    "int64 array": np.array([1, 1]),
    "set": {1, 2},
    "bool": np.True_,
    "float64": np.float64(1.0),
}


@every_pair
@pytest.mark.parametrize("was", WRONG_PAIRS)
def test_what_is_no_int_and_no_pair_of_ints_is_refused(door, name, was):
    least = door.described.arguments[name].minimum
    with refused(TypeError, name, was, f"wanted an int of at least {least}, or a pair of them"):
        door.forward(**{name: WRONG_PAIRS[was]})


OUT_OF_RANGE = {
    "one too small": lambda least: least - 1,
    "first too small": lambda least: (least - 1, 1),
    "second too small": lambda least: (1, least - 1),
    "very negative": lambda least: -(2**63),
    "beyond 32 bits": lambda least: 2**31,
    "beyond 64 bits": lambda least: 2**64,
}


@every_pair
@pytest.mark.parametrize("form", OUT_OF_RANGE)
def test_a_stride_size_or_pad_out_of_range_is_refused(door, name, form):
    least = door.described.arguments[name].minimum
    wrong = OUT_OF_RANGE[form](least)
    with refused(ValueError, name, repr(wrong), f"wanted an int of at least {least}"):
        door.forward(**{name: wrong})


TOO_LARGE = [
    ("conv2d", {"w": np.zeros((4, 3, 9, 1)), "pad": 1}, ("w", "HH = 9", "H = 6 + 2·1 = 8", "HH <= 8")),
    ("conv2d", {"w": np.zeros((4, 3, 1, 8)), "pad": 0}, ("w", "WW = 8", "W = 7 + 2·0 = 7", "WW <= 7")),
    ("conv2d", {"w": np.zeros((4, 3, 7, 7)), "pad": (0, 3)}, ("w", "HH = 7", "H = 6 + 2·0 = 6", "HH <= 6")),
    ("max_pool2d", {"size": 7}, ("size", "(7, 7)", "H = 6", "wanted at most 6")),
    ("max_pool2d", {"size": (6, 8)}, ("size", "(6, 8)", "W = 7", "wanted at most 7")),
    ("max_pool2d", {"size": 2**31 - 1}, ("size", "2147483647", "H = 6", "wanted at most 6")),
]


@pytest.mark.parametrize(
    ("door", "changed", "said"),
    [
        pytest.param(door, changed, said, id=f"{door}-{said[1]}")
        for operation, changed, said in TOO_LARGE
        for door in doors_of(operation)
    ],
)
def test_a_window_larger_than_the_padded_input_is_refused(door, changed, said):
    with refused(ValueError, *said):
        door.forward(**changed)


@conv2d_door
@pytest.mark.parametrize(("shape", "axis"), [((4, 3, 0, 2), "HH"), ((4, 3, 2, 0), "WW")])
def test_a_kernel_without_taps_is_refused(door, shape, axis):
    with refused(ValueError, "w", f"{axis} = 0", "wanted a kernel of at least one tap"):
        door.forward(w=np.zeros(shape))


# ------------------------------------------------------------------------------------------- sequences


@rnn_door
@pytest.mark.parametrize("batch", [0, 4])
def test_a_sequence_without_steps_is_refused(door, batch):
    with refused(ValueError, "x", "T = 0", "wanted a sequence of at least one step"):
        door.forward(x=np.zeros((batch, 0, 3)), h0=np.zeros((batch, 5)))


@rnn_door
def test_weights_of_the_state_that_are_not_square_are_refused(door):
    with refused(ValueError, "Wh", "shape (5, 6), so H = 6", "h0 says H = 5", "wanted (H, H)"):
        door.forward(Wh=np.zeros((5, 6)))


# ------------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(("door", "name"), each("array", "labels", "scalar"))
def test_a_missing_argument_is_named(door, name):
    args = door.arguments()
    del args[name]
    with refused(TypeError, name, "missing", f"{door.operation}(", "wants"):
        door.implementation.forward(**args)


@every_operation
def test_an_unknown_argument_is_named(door):
    with refused(TypeError, "dilation", f"no argument of {door.operation}("):
        door.forward(dilation=2)


@every_operation
def test_a_doubled_argument_is_named(door):
    args = door.arguments()
    first = next(iter(args))
    with refused(TypeError, first, f"given twice to {door.operation}("):
        door.implementation.forward(*args.values(), **{first: args[first]})


@every_operation
def test_too_many_arguments_are_counted(door):
    args = tuple(door.arguments().values())
    with pytest.raises(
        TypeError, match=rf"{len(args) + 1} positional arguments; at most {len(args)} are wanted"
    ):
        door.implementation.forward(*args, 1)


WRONG_SCALARS = {
    "'0.1' (str)": "0.1",
    "NoneType": None,
    "True (bool)": True,
    "1j (complex)": 1j,
    "[0.1] (list)": [0.1],
    "float64 array of shape (1,)": np.ones(1),
    "bool": np.array(True),
    "complex128": np.complex128(1),
}
NOT_FINITE = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf"), "NaN, 0-d": np.array(np.nan)}
PAST_EVERY_FLOAT = -(10**400)


@softmax_door
@pytest.mark.parametrize("was", WRONG_SCALARS)
def test_a_regularisation_that_is_no_real_number_is_refused(door, was):
    with refused(TypeError, "reg", was, "wanted a real number"):
        door.forward(reg=WRONG_SCALARS[was])


@softmax_door
@pytest.mark.parametrize("which", NOT_FINITE)
def test_a_regularisation_that_is_not_finite_is_refused(door, which):
    with refused(ValueError, "reg", str(float(NOT_FINITE[which])), "wanted a finite real number"):
        door.forward(reg=NOT_FINITE[which])


@softmax_door
def test_a_regularisation_too_large_for_any_float_is_refused(door):
    with refused(ValueError, "reg", "wanted"):
        door.forward(reg=PAST_EVERY_FLOAT)


@softmax_door
def test_a_regularisation_too_large_for_the_arrays_dtype_is_refused(door):
    args = door.arguments("float32") | {"reg": 2 * float(np.finfo(np.float32).max)}
    with refused(ValueError, "reg", "wanted"):
        door.implementation.forward(**args)


# --------------------------------------------------------------------------------- what backward is given

WRONG_UPSTREAM = {
    "list": (TypeError, lambda d: d.tolist(), "list"),
    "None": (TypeError, lambda d: None, "NoneType"),
    "number": (TypeError, lambda d: 1.0, "1.0 (float)"),
    "masked": (TypeError, lambda d: np.ma.masked_array(d), "masked array"),
    "float32": (TypeError, lambda d: d.astype(np.float32), "float32"),
    "int64": (TypeError, lambda d: d.astype(np.int64), "int64"),
    "complex128": (TypeError, lambda d: d.astype(np.complex128), "complex128"),
    "foreign byte order": (TypeError, lambda d: d.astype(d.dtype.newbyteorder()), ""),
    "one row more": (ValueError, lambda d: np.concatenate([d, d[:1]]), "shape"),
    "one row": (ValueError, lambda d: d[:1], "shape"),  # it would broadcast
    "one axis more": (ValueError, lambda d: d[np.newaxis], "shape"),
    "flat": (ValueError, lambda d: d.ravel(), "shape"),
}


@array_doors
@pytest.mark.parametrize("which", WRONG_UPSTREAM)
def test_an_upstream_gradient_that_does_not_fit_is_refused(door, which):
    kind, spoil, was = WRONG_UPSTREAM[which]
    out, cache = door.forward()
    wanted = "float64" if kind is TypeError else str(out.shape)
    with refused(kind, "dout", was, "wanted", wanted):
        door.implementation.backward(spoil(np.ones_like(out)), cache)


@softmax_door
@pytest.mark.parametrize("was", WRONG_SCALARS)
def test_an_upstream_gradient_that_is_no_real_number_is_refused(door, was):
    _, cache = door.forward()
    with refused(TypeError, "dout", was, "wanted a real number"):
        door.implementation.backward(WRONG_SCALARS[was], cache)


@softmax_door
@pytest.mark.parametrize("which", NOT_FINITE)
def test_an_upstream_gradient_that_is_not_finite_is_refused(door, which):
    _, cache = door.forward()
    with refused(ValueError, "dout", str(float(NOT_FINITE[which])), "wanted a finite real number"):
        door.implementation.backward(NOT_FINITE[which], cache)


@softmax_door
def test_an_upstream_gradient_too_large_for_any_float_is_refused(door):
    _, cache = door.forward()
    with refused(ValueError, "dout", "wanted"):
        door.implementation.backward(PAST_EVERY_FLOAT, cache)


@softmax_door
def test_an_upstream_gradient_too_large_for_the_arrays_dtype_is_refused(door):
    _, cache = door.implementation.forward(**door.arguments("float32"))
    with refused(ValueError, "dout", "wanted"):
        door.implementation.backward(2 * float(np.finfo(np.float32).max), cache)


@every_door
def test_a_cache_that_is_not_its_own_is_refused(door):
    other = Door(door.operation, "per_neuron" if door.technique == "naive" else "naive")
    _, foreign = other.forward()
    _, own = door.forward()
    dout = door.upstream()
    for cache in (foreign, own.value, (), None):
        with refused(TypeError, "cache", "wanted the cache that", f"{door}'s forward returned"):
            door.implementation.backward(dout, cache)


@every_door
def test_a_cache_serves_the_same_implementation_asked_for_again(door):
    first, again = door.implementation, door.implementation
    _, cache = first.forward(**door.arguments())
    assert same_bits(again.backward(door.upstream(), cache), first.backward(door.upstream(), cache))


OUTSIDE = """
def forward(x, w, b):
    return x @ w + b, ({cache})

def backward(dout, cache):
    {cache} = cache
    dx, dw, db = dout @ w.T, x.T @ dout, dout.sum(axis=0)
    return {returned}
"""


def load_outside(folder, cache="x, w", returned="dx, dw, db"):
    folder.mkdir()
    (folder / "mine.py").write_text(OUTSIDE.format(cache=cache, returned=returned))
    return perflab.load(folder / "mine.py", operation="fully_connected")


def test_a_cache_of_another_file_of_the_same_name_is_refused(tmp_path):
    ours = load_outside(tmp_path / "ours")
    theirs = load_outside(tmp_path / "theirs", cache="w, x")
    square = np.arange(9.0).reshape(3, 3)
    _, cache = theirs.forward(square, 2 * square, square[0])
    with refused(TypeError, "cache", "wanted the cache that"):
        ours.backward(square, cache)


@pytest.mark.parametrize("returned", ["[dx, dw, db]", "dx"])
def test_gradients_that_come_as_no_tuple_are_refused_and_not_taken_apart(tmp_path, returned):
    outside = load_outside(tmp_path / "outside", returned=returned)
    x = np.ones((3, 2))  # as many samples as there are gradients
    out, cache = outside.forward(x, np.ones((2, 4)), np.ones(4))
    with pytest.raises(TypeError, match=r"backward.*(list|ndarray|array).*tuple"):
        outside.backward(out, cache)


# --------------------------------------------------------------------------------------- what is accepted


def same_bits(first, second):
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(first, second, strict=True)]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


@every_door_and_dtype
def test_output_and_gradients_have_the_inputs_dtype_and_shapes(door, dtype):
    args = door.arguments(dtype)
    sizes = inputs.output_sizes(door.described, door.case)
    out, *grads = door.step(args, door.upstream(dtype))
    assert isinstance(out, (np.ndarray, np.generic)), "even a compiled function's scalar has a dtype"
    assert out.dtype == dtype
    assert out.shape == tuple(sizes[axis] for axis in door.described.out_shape)
    for name, gradient in zip(door.described.wrt, grads, strict=True):
        assert gradient.dtype == dtype
        assert gradient.shape == args[name].shape


@every_door
def test_gradients_come_as_a_tuple_in_the_order_of_wrt(door):
    _, cache = door.forward()
    grads = door.implementation.backward(door.upstream(), cache)
    assert isinstance(grads, tuple)
    assert [g.shape for g in grads] == [door.shape(name) for name in door.described.wrt]


@every_door
def test_nothing_about_the_inputs_changes(door):
    def look():
        held = [a for a in (*args.values(), dout) if isinstance(a, np.ndarray)]
        return oracle.fingerprint(held), [(a.shape, a.strides, a.dtype, a.flags.writeable) for a in held]

    args, dout = door.arguments(), door.upstream()
    before = look()
    door.step(args, dout)
    assert look() == before


@every_operation
def test_arguments_may_be_positional_or_named_or_both(door):
    args, dout = door.arguments(), door.upstream()
    named = door.step(args, dout)
    (first, value), *rest = args.items()
    for out, cache in (
        door.implementation.forward(*args.values()),
        door.implementation.forward(value, **dict(rest)),
        door.implementation.forward(**dict(reversed(args.items()))),
    ):
        assert same_bits((out, *door.implementation.backward(dout, cache)), named), first


@every_pair
def test_a_default_is_what_the_contract_says(door, name):
    default = door.described.arguments[name].default
    args = door.arguments()
    del args[name]
    out, _ = door.implementation.forward(**args)
    assert same_bits([out], [door.forward(**{name: default})[0]])


PAIRS_OF_TWO = {
    "int": 2,
    "tuple": (2, 2),
    "list": [2, 2],
    "NumPy int": np.int64(2),
    "unsigned NumPy int": np.uint8(2),
    "tuple of NumPy ints": (np.int32(2), np.uint64(2)),
}


@every_pair
@pytest.mark.parametrize("form", PAIRS_OF_TWO)
def test_an_int_and_a_pair_of_any_make_mean_the_same(door, name, form):
    wanted, _ = door.forward(**{name: (2, 2)})
    got, cache = door.forward(**{name: PAIRS_OF_TWO[form]})
    assert same_bits([got], [wanted])
    assert len(door.implementation.backward(got, cache)) == len(door.described.wrt)


@softmax_door
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64", ">i4"])
def test_labels_may_be_of_any_integer_dtype(door, dtype):
    args, dout = door.arguments(), door.upstream()
    wanted = door.step(args, dout)
    assert same_bits(door.step(args | {"y": args["y"].astype(dtype)}, dout), wanted)


REAL_NUMBERS = [1, 0.5, np.float32(0.5), np.float64(0.5), np.int8(1), np.array(0.5), Fraction(1, 2)]


@softmax_door
@pytest.mark.parametrize("reg", REAL_NUMBERS)
def test_the_regularisation_may_be_any_real_number(door, reg):
    wanted = door.forward(reg=float(reg))[0]
    assert same_bits([door.forward(reg=reg)[0]], [wanted])


@softmax_door
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", [float, np.float32, np.float64, np.array, Fraction])
def test_the_upstream_gradient_of_a_loss_may_be_any_real_number(door, dtype, form):
    _, cache = door.implementation.forward(**door.arguments(dtype))
    wanted = door.implementation.backward(np.dtype(dtype).type(0.5), cache)
    got = door.implementation.backward(form(0.5), cache)
    assert all(gradient.dtype == dtype for gradient in got)
    assert same_bits(got, wanted)


class Stranger(np.ndarray):
    """A subclass with an arithmetic of its own, as np.matrix has."""

    def __array_ufunc__(self, *args, **kwargs):
        raise AssertionError("a subclass's arithmetic was used")


def read_only(array):
    held = array.copy()
    held.flags.writeable = False
    return held


LAYOUTS = {
    "read-only": read_only,
    "transposed": lambda a: a.T.copy().T,
    "reversed": lambda a: a[::-1].copy()[::-1],
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "subclass": lambda a: a.view(Stranger),
    "matrix": lambda a: a.view(np.matrix) if a.ndim == 2 else a,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "door",
    [pytest.param(d, id=str(d), marks=() if d in FIRST_DOORS else pytest.mark.slow) for d in DOORS],
)
def test_arrays_of_any_layout_are_right_and_stay_as_they_are(door, layout):
    args, dout = door.arguments(), door.upstream()
    right = oracle.reference(door.described, list(args.values()), dout, door.dtype)
    given = {k: LAYOUTS[layout](v) if isinstance(v, np.ndarray) else v for k, v in args.items()}
    upstream = LAYOUTS[layout](dout) if isinstance(dout, np.ndarray) else dout
    got = door.step(given, upstream)
    assert all(type(array) in (np.ndarray, np.dtype(door.dtype).type) for array in got)
    for worst in oracle.judge(right, got):
        assert worst.share <= 1, f"{door}, {layout}: {worst.where} is {worst.got}, wanted {worst.wanted}"
    for name, array in given.items():
        if isinstance(array, np.ndarray):
            assert np.array_equal(np.asarray(array), args[name])


@every_door
def test_a_good_call_warns_of_nothing(door):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(door.step(door.arguments(), door.upstream())[0]).all()


@pytest.mark.parametrize(("door", "dtype"), each_dtype([d for d in DOORS if d.described.out_shape]))
def test_an_empty_batch_passes_with_empty_results(door, dtype):
    per_sample = [name for name, one in door.described.arguments.items() if one.shape[:1] == ("N",)]
    args = {k: v[:0] if k in per_sample else v for k, v in door.arguments(dtype).items()}
    out, cache = door.implementation.forward(**args)
    grads = door.implementation.backward(out, cache)
    assert out.shape == (0, *door.upstream().shape[1:])
    for name, gradient in zip(door.described.wrt, grads, strict=True):
        assert gradient.shape == args[name].shape
        assert gradient.dtype == dtype
        assert not gradient.any(), "an empty batch moves no weight"


@pytest.mark.parametrize(
    ("door", "axis"),
    [
        pytest.param(door, axis, id=f"{door}-{axis}")
        for door in DOORS
        for axis in ("D", "M", "C", "F", "n", "h", *("H" if door.operation == "rnn" else ()))
        if axis in SIZES[door.operation] and (door.operation, axis) != ("softmax_loss", "C")  # refused, above
    ],
)
def test_an_axis_of_no_length_is_no_crash_and_no_garbage(door, axis):
    case = Case("hollow", {**SIZES[door.operation], axis: 0}, PARAMETERS.get(door.operation, {}))
    args, dout = (
        inputs.make(door.described, case, door.dtype),
        inputs.upstream(door.described, case, door.dtype),
    )
    right = oracle.reference(door.described, list(args.values()), dout, door.dtype)
    got = door.step(args, dout)
    assert not oracle.form(right, got)
    assert all(worst.share <= 1 for worst in oracle.judge(right, got))
