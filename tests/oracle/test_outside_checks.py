"""Outside projects' own test data: ONNX's backend vectors and PyTorch's sample inputs, held to ours.

What our parameters can express is taken, if need be after an axis is added, folded or transposed. What they
cannot express is left out by name, with the reason.
"""

import importlib
import sys
import warnings
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import perflab
from perflab import catalog, oracle
from perflab.catalog import door
from perflab.contract import Implementation

pytestmark = pytest.mark.slow
OPERATIONS = ("softmax_loss", "fully_connected", "conv2d", "max_pool2d", "rnn")
GRID = [(operation, technique) for operation in OPERATIONS for technique in perflab.techniques(operation)]

every_operation = pytest.mark.parametrize("operation", OPERATIONS)
every_implementation = pytest.mark.parametrize(("operation", "technique"), GRID)
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
# PyTorch keeps sample inputs of functions; its recurrent layer has none.
every_sampled = pytest.mark.parametrize("operation", OPERATIONS[:4])
every_sampled_implementation = pytest.mark.parametrize(
    ("operation", "technique"), [one for one in GRID if one[0] in OPERATIONS[:4]]
)


@dataclass(frozen=True)
class Vector:
    """Inputs, and what an outside project says of them: tensors by the names that the oracle gives them."""

    name: str
    args: tuple[Any, ...]
    wanted: dict[str, Any]
    dout: Any = None


@dataclass
class Sorted:
    """What is taken of an outside project's data, and what is left out: name -> reason."""

    taken: list[Vector]
    left_out: dict[str, str]
    found: int = 0

    def sort(self, name, express, *given):
        """Take what `express` makes of it, or keep the reason why it cannot."""
        self.found += 1
        try:
            self.taken.append(express(name, *given))
        except LeftOut as why:
            self.left_out[name] = str(why)


class LeftOut(Exception):
    """The operation's parameters cannot express it; the message says why."""


def refuse(*reasons):
    """Leave it out for the first (condition, reason) whose condition holds."""
    for holds, why in reasons:
        if holds:
            raise LeftOut(why)


# ------------------------------------------------------------------------------------------- held to ours


def opinions(operation, vector):
    """What our definition says of a vector's tensors, what the vector says, and where they stand.

    The vector's numbers were rounded too: a technique may be off by two bounds, its own and the vector's.
    """
    described = perflab.operation(operation)
    canonical, sizes = door.bind(described, vector.args, {})
    dtype = door.float_dtype(described, canonical)
    dout = vector.dout
    if dout is None:
        dout = np.ones([sizes[axis] for axis in described.out_shape], dtype)[()]
    right = oracle.reference(described, canonical, dout, dtype.name)
    at = [right.names.index(name) for name in vector.wanted]
    ours = replace(
        right,
        names=tuple(vector.wanted),
        values=tuple(right.values[i] for i in at),
        bounds=tuple(right.bounds[i] for i in at),
    )
    values = tuple(np.asarray(value).astype(np.float64) for value in vector.wanted.values())
    theirs = replace(ours, values=values, bounds=tuple(2 * bound for bound in ours.bounds))
    return ours, theirs, at, dout


def hold_definition(operation, vector):
    """The vector's numbers are within their rounding bound of our definition and its gradient."""
    ours, _, _, _ = opinions(operation, vector)
    agree(ours, [np.asarray(value) for value in vector.wanted.values()], vector)


def hold(implementation, vector):
    """An implementation's numbers are within both rounding bounds of the vector's."""
    _, theirs, at, dout = opinions(implementation.operation, vector)
    out, cache = implementation.forward(*vector.args)
    tensors = (out, *implementation.backward(dout, cache))
    agree(theirs, [tensors[i] for i in at], vector)


def missed(operation, names, vectors):
    """Those of the operation's known mistakes, by name, whose numbers no vector shows to be wrong."""
    described = perflab.operation(operation)
    known = {mutant.name: mutant for mutant in catalog.mutants(operation)}
    return {name for name in names if not any(exposes(described, known[name], each) for each in vectors)}


def exposes(described, mutant, vector):
    """Whether a vector shows a mistake, which gets copies, for it may write to them."""
    raw = Implementation(described.name, mutant.name, mutant.forward, mutant.backward)
    try:
        with np.errstate(all="ignore"):
            hold(door.checked(described, raw), deepcopy(vector))
    except AssertionError:
        return True
    return False


def agree(opinion, got, vector):
    """Shapes, dtypes and every element; an assertion that names the worst one."""
    assert not oracle.form(opinion, got), vector.name
    for worst in oracle.judge(opinion, got):
        assert worst.share <= 1, f"{vector.name}: {worst.where}: got {worst.got}, wanted {worst.wanted}"


def tell(request, capsys, title, sorted_):
    """One line of counts; with -v every name that is left out, and why."""
    why = ", ".join(f"{count} {reason}" for reason, count in Counter(sorted_.left_out.values()).most_common())
    lines = [f"{title}: {len(sorted_.taken)} of {sorted_.found} held; left out: {why or 'none'}"]
    if request.config.get_verbosity() > 0:
        lines += [f"    {name}: {reason}" for name, reason in sorted_.left_out.items()]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")


def two_axes(array):
    """(N,C,W) as (N,C,1,W): a line is an image of height 1."""
    return array if array.ndim == 4 else array[:, :, np.newaxis]


def scores(array):
    """Scores (N,C,d1,d2,…) as (N·d1·d2·…,C): every place is a sample of its own."""
    return np.ascontiguousarray(np.moveaxis(array, 1, -1).reshape(-1, array.shape[1]))


# --------------------------------------------------------------------------------------------------- ONNX

ONNX = {
    "Conv": "conv2d",
    "MaxPool": "max_pool2d",
    "Gemm": "fully_connected",
    "SoftmaxCrossEntropyLoss": "softmax_loss",
    "RNN": "rnn",
}
# The modules in which ONNX makes the vectors of these nodes, and its kinds of tests that lie in files: layers
# of PyTorch's, exported with their numbers.
MODULES = ("conv", "maxpool", "gemm", "softmax_cross_entropy_loss", "rnn")
CONVERTED = ("pytorch-converted", "pytorch-operator")
TOO_LONG = {("test_operator_conv", "naive")}  # 68 million multiplications in scalar loops
AT_LEAST = {"softmax_loss": 4, "fully_connected": 8, "conv2d": 17, "max_pool2d": 8, "rnn": 2}

CATCH = {
    "softmax_loss": {"wrong_axis", "loss_summed"},
    "fully_connected": {"no_bias"},
    "conv2d": {"flipped_kernel", "taps_swapped", "pads_swapped", "edge_padding", "no_bias"},
    "max_pool2d": {"average", "minimum", "largest_magnitude", "starts_at_zero"},
    "rnn": {"no_bias", "sigmoid"},
}


@lru_cache(maxsize=1)
def onnx_vectors():
    """Every test of one node of the four operators: operation -> Sorted."""
    pytest.importorskip("onnx", reason="ONNX is not installed (perflab[dev])")
    from onnx.helper import get_attribute_value

    table = {operation: Sorted([], {}) for operation in OPERATIONS}
    for name, graph, given, wanted in (*node_tests(), *converted_tests()):
        if len(graph.node) == 1 and graph.node[0].op_type in ONNX:
            node = graph.node[0]
            attributes = {a.name: get_attribute_value(a) for a in node.attribute}
            inputs = [given.get(i) for i in node.input]  # None where an optional one is left out
            table[ONNX[node.op_type]].sort(name, EXPRESS[node.op_type], attributes, inputs, wanted)
    return table


def node_tests():
    """Name, graph, inputs by name, outputs: made when the modules are imported, from NumPy's global seed."""
    state = np.random.get_state()  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ONNX's own
        for module in MODULES:
            importlib.import_module(f"onnx.backend.test.case.node.{module}")
    np.random.set_state(state)  # noqa: NPY002
    for case in importlib.import_module("onnx.backend.test.case.node")._NodeTestCases:
        ((given, wanted),) = case.data_sets
        names = [value.name for value in case.model.graph.input]
        yield case.name, case.model.graph, dict(zip(names, given, strict=True)), wanted


def converted_tests():
    """The same of the tests that lie in files."""
    import onnx
    from onnx.backend.test.loader import load_model_tests
    from onnx.numpy_helper import to_array

    for kind in CONVERTED:
        for case in sorted(load_model_tests(kind=kind), key=lambda case: case.name):
            folder = Path(case.model_dir)
            graph = onnx.load(folder / "model.onnx").graph
            given = {tensor.name: to_array(tensor) for tensor in graph.initializer}
            free = [value.name for value in graph.input if value.name not in given]
            names = [f"input_{i}" for i in range(len(free))] + ["output_0"]
            files = [folder / "test_data_set_0" / f"{name}.pb" for name in names]
            *read, wanted = (to_array(onnx.TensorProto.FromString(file.read_bytes())) for file in files)
            yield case.name, graph, given | dict(zip(free, read, strict=True)), [wanted]


def window(attributes, x, taps):
    """Strides and pads on two axes, as an image of height 1 has them where there is only one."""
    axes = len(taps)
    strides = attributes.get("strides", [1] * axes)
    pads = attributes.get("pads", [0] * 2 * axes)
    auto = attributes.get("auto_pad", b"NOTSET")
    if auto.startswith(b"SAME"):
        reach = [-(-n // s) * s - s + k for n, s, k in zip(x.shape[2:], strides, taps, strict=True)]
        total = [max(r - n, 0) for r, n in zip(reach, x.shape[2:], strict=True)]
        less, more = [t // 2 for t in total], [t - t // 2 for t in total]
        pads = less + more if auto == b"SAME_UPPER" else more + less
    refuse(
        (axes > 2, "three spatial axes"),
        (set(attributes.get("dilations", [1])) != {1}, "dilation"),
        (pads[:axes] != pads[axes:], "more padding on one side"),
    )
    return (1, *strides)[-2:], (0, *pads[:axes])[-2:]


def conv(name, attributes, inputs, wanted):
    x, w, *b = inputs
    refuse((attributes.get("group", 1) != 1, "groups"))
    strides, pads = window(attributes, x, w.shape[2:])
    bias = b[0] if b else np.zeros(len(w), w.dtype)
    return Vector(name, (two_axes(x), two_axes(w), bias, strides, pads), {"out": two_axes(wanted[0])})


def max_pool(name, attributes, inputs, wanted):
    (x,) = inputs
    taps = attributes["kernel_shape"]
    strides, pads = window(attributes, x, taps)
    refuse((any(pads), "padded pooling"), (attributes.get("ceil_mode"), "rounds the output's size up"))
    out, *indices = map(two_axes, wanted)
    x = two_axes(x)
    tensors, dout = {"out": out}, None
    if indices:  # where the maxima stand is where the gradient goes
        assert x.shape[:2] == (1, 1), "the index of one image"
        order = "F" if attributes.get("storage_order") else "C"
        dout = np.arange(1.0, 1 + out.size, dtype=x.dtype).reshape(out.shape)
        tensors["dx"] = np.zeros_like(x)
        np.add.at(tensors["dx"][0, 0], np.unravel_index(indices[0][0, 0], x.shape[2:], order), dout[0, 0])
    return Vector(name, (x, (1, *taps)[-2:], strides), tensors, dout)


def gemm(name, attributes, inputs, wanted):
    a, b, *c = inputs
    refuse(
        (attributes.get("alpha", 1) != 1, "a factor of the product"),
        (attributes.get("beta", 1) != 1, "a factor of the bias"),
    )
    x = np.ascontiguousarray(a.T if attributes.get("transA") else a)
    w = np.ascontiguousarray(b.T if attributes.get("transB") else b)
    refuse((c and c[0].ndim == 2 and len(c[0]) > 1, "a bias that differs by sample"))
    bias = np.zeros(w.shape[1], w.dtype) + (c[0].reshape(-1) if c else 0)
    return Vector(name, (x, w, bias), {"out": wanted[0]})


def cross_entropy(name, attributes, inputs, wanted):
    x, y, *weights = inputs
    refuse(
        (attributes.get("reduction", b"mean") != b"mean", "not the mean"),
        (weights, "weighted classes"),
        ("ignore_index" in attributes, "labels to ignore"),
    )
    S = scores(x)
    return Vector(name, (S, np.eye(S.shape[1], dtype=S.dtype), y.reshape(-1), 0.0), {"out": wanted[0]})


def recurrent(name, attributes, inputs, wanted):
    """Of x (T,N,D), W (ways,H,D), R (ways,H,H), both biases side by side: all states, or the last alone."""
    x, W, R, B, _, h0 = (*inputs, *[None] * (6 - len(inputs)))
    refuse(
        (len(W) > 1, "both ways through time"),
        (attributes.get("activations", [b"Tanh"]) != [b"Tanh"], "another function than tanh"),
    )
    if attributes.get("layout", 0) == 0:
        x = np.swapaxes(x, 0, 1)
    (N, T, _), H = x.shape, R.shape[1]
    refuse((T > 1, "the last state alone"))  # of one step, it is all states
    bias = np.zeros(H, x.dtype) if B is None else B[0, :H] + B[0, H:]
    start = np.zeros((N, H), x.dtype) if h0 is None else h0[0]
    args = tuple(map(np.ascontiguousarray, (x, start, W[0].T, R[0].T, bias)))
    return Vector(name, args, {"out": wanted[-1].reshape(N, T, H)})


EXPRESS = {
    "Conv": conv,
    "MaxPool": max_pool,
    "Gemm": gemm,
    "SoftmaxCrossEntropyLoss": cross_entropy,
    "RNN": recurrent,
}


@every_operation
def test_our_definition_gives_what_onnx_says(operation):
    for vector in onnx_vectors()[operation].taken:
        hold_definition(operation, vector)


@every_implementation
def test_every_technique_gives_what_onnx_says(operation, technique):
    for vector in onnx_vectors()[operation].taken:
        if (vector.name, technique) not in TOO_LONG:
            hold(perflab.implementation(operation, technique), vector)


@every_operation
def test_onnx_catches_known_mistakes(operation):
    vectors = [vector for vector in onnx_vectors()[operation].taken if vector.name not in dict(TOO_LONG)]
    assert not missed(operation, CATCH[operation], vectors)


@every_operation
def test_what_of_onnx_is_held_and_what_is_left_out(operation, request, capsys):
    vectors = onnx_vectors()[operation]
    assert len(vectors.taken) + len(vectors.left_out) == vectors.found
    assert len({vector.name for vector in vectors.taken} | set(vectors.left_out)) == vectors.found
    assert len(vectors.taken) >= AT_LEAST[operation]
    assert {name for name, _ in TOO_LONG} <= {v.name for v in onnx_vectors()["conv2d"].taken}
    tell(request, capsys, f"ONNX {operation}", vectors)


# ------------------------------------------------------------------------------------------------ PyTorch

TORCH = {
    "nn.functional.conv2d": "conv2d",
    "nn.functional.max_pool2d": "max_pool2d",
    "nn.functional.linear": "fully_connected",
    "nn.functional.cross_entropy": "softmax_loss",
}
AT_LEAST_SAMPLES = {"softmax_loss": 5, "fully_connected": 18, "conv2d": 8, "max_pool2d": 120}

CATCH_WITH_SAMPLES = {
    "softmax_loss": {"wrong_axis", "loss_summed", "missing_mean", "missing_target", "upstream_ignored"},
    "fully_connected": {"no_bias", "dw_transposed", "dx_not_transposed", "db_wrong_axis", "upstream_ignored"},
    "conv2d": {"flipped_kernel", "assign_for_add", "pad_not_undone", "db_wrong_axes", "dw_transposed"},
    "max_pool2d": {"average", "starts_at_zero", "assign_for_add", "size_for_stride", "taps_swapped"},
}


@lru_cache(maxsize=2)
def torch_samples(dtype):
    """The sample inputs of PyTorch's own tests for the four functions: operation -> Sorted."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (perflab[torch])")
    pytest.importorskip("expecttest", reason="expecttest, which PyTorch's own tests import, is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own
        from torch.testing._internal.common_methods_invocations import op_db

    table = {operation: Sorted([], {}) for operation in OPERATIONS[:4]}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for function in op_db:
            if function.name in TORCH:
                samples = function.sample_inputs("cpu", getattr(torch, dtype), requires_grad=False)
                express = EXPRESS_SAMPLE[function.name]
                for i, sample in enumerate(samples):
                    name = f"{function.name}[{i}]"
                    table[TORCH[function.name]].sort(name, express, function.op, sample)
    return table


def differentiate(function, sample):
    """Output, a random upstream gradient, and autograd's gradients of the input and every float argument."""
    torch = importlib.import_module("torch")
    leaves = [
        value.detach().clone().requires_grad_()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
        else value
        for value in (sample.input, *sample.args)
    ]
    out = function(*leaves, **sample.kwargs)
    out = out[0] if isinstance(out, tuple) else out
    dout = torch.randn_like(out)
    wanted = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and leaf.requires_grad]
    grads = torch.autograd.grad(out, wanted, dout)
    return [tensor.detach().numpy() for tensor in (out, dout, *grads)]


def batch(array):
    """(C,H,W) as (1,C,H,W)."""
    return array if array.ndim == 4 else array[np.newaxis]


def conv_sample(name, function, sample):
    x, w, b = (None if value is None else value.numpy() for value in (sample.input, *sample.args))
    options = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | sample.kwargs
    refuse(
        (options["groups"] != 1, "groups"),
        (options["dilation"] not in (1, (1, 1)), "dilation"),
        (options["padding"] == "same", "more padding on one side"),
    )
    pad = 0 if options["padding"] == "valid" else options["padding"]
    out, dout, dx, *others = differentiate(function, sample)
    bias = np.zeros(len(w), w.dtype) if b is None else b
    wanted = {"out": batch(out), "dx": batch(dx)} | dict(zip(("dw", "db"), others, strict=False))
    return Vector(name, (batch(x), w, bias, options["stride"], pad), wanted, batch(dout))


def max_pool_sample(name, function, sample):
    options = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False} | sample.kwargs
    refuse(
        (options["padding"] not in (0, (0, 0)), "padded pooling"),
        (options["dilation"] not in (1, (1, 1)), "dilation"),
        (options["ceil_mode"], "rounds the output's size up"),
    )
    out, dout, dx = map(batch, differentiate(function, sample))
    size = options["kernel_size"]
    args = batch(sample.input.numpy()), size, options["stride"] or size
    return Vector(name, args, {"out": out, "dx": dx}, dout)


def linear_sample(name, function, sample):
    x, w, *b = (value.numpy() for value in (sample.input, *sample.args))
    out, dout, dx, dw, *db = differentiate(function, sample)
    M, D = w.shape
    bias = b[0] if b else np.zeros(M, w.dtype)
    args = x.reshape(-1, D), np.ascontiguousarray(w.T), bias
    wanted = {"out": out.reshape(-1, M), "dx": dx.reshape(-1, D), "dw": dw.T} | dict(
        zip(["db"], db, strict=False)
    )
    return Vector(name, args, wanted, dout.reshape(-1, M))


def cross_entropy_sample(name, function, sample):
    x, y = sample.input.numpy(), sample.args[0].numpy()
    options = {"reduction": "mean"} | sample.kwargs
    refuse(
        (y.dtype.kind == "f", "a probability for every class"),
        (options["reduction"] != "mean", "not the mean"),
        ("weight" in options, "weighted classes"),
        ("ignore_index" in options, "labels to ignore"),
    )
    loss, dout, dx = differentiate(function, sample)
    S = scores(x)
    args = S, np.eye(S.shape[1], dtype=S.dtype), y.reshape(-1), 0.0
    return Vector(name, args, {"out": loss, "dX": scores(dx)}, dout[()])


EXPRESS_SAMPLE = {
    "nn.functional.conv2d": conv_sample,
    "nn.functional.max_pool2d": max_pool_sample,
    "nn.functional.linear": linear_sample,
    "nn.functional.cross_entropy": cross_entropy_sample,
}


@every_sampled
@every_dtype
def test_our_definition_gives_what_pytorch_says_of_its_samples(operation, dtype):
    for vector in torch_samples(dtype)[operation].taken:
        hold_definition(operation, vector)


@every_sampled_implementation
@every_dtype
def test_every_technique_gives_what_pytorch_says_of_its_samples(operation, technique, dtype):
    for vector in torch_samples(dtype)[operation].taken:
        hold(perflab.implementation(operation, technique), vector)


@every_sampled
def test_pytorchs_samples_catch_known_mistakes(operation):
    assert not missed(operation, CATCH_WITH_SAMPLES[operation], torch_samples("float32")[operation].taken)


@every_sampled
@every_dtype
def test_what_of_pytorch_is_held_and_what_is_left_out(operation, dtype, request, capsys):
    samples = torch_samples(dtype)[operation]
    assert len(samples.taken) + len(samples.left_out) == samples.found
    assert len({vector.name for vector in samples.taken} | set(samples.left_out)) == samples.found
    assert len(samples.taken) >= AT_LEAST_SAMPLES[operation]
    tell(request, capsys, f"PyTorch {operation} {dtype}", samples)
