"""The peers: verified by the oracle like our own techniques, and a second reference for these."""

import ast
import importlib
import warnings
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

import perflab
from perflab import catalog, oracle
from perflab.catalog import inputs
from perflab.contract import DTYPES, Case, Implementation

FOLDER = ROOT / "perflab" / "peers"
FILES = sorted(path for path in FOLDER.glob("*/*.py") if not path.stem.startswith("_"))
COMPILED = "torch_compile"  # compiles for some seconds at every shape: it has a test of its own
PEERS = [(path.parent.name, path.stem) for path in FILES if path.parent.name != COMPILED]
OPERATIONS = [operation for project, operation in PEERS if project == "torch"]
LIBRARY = {"torch": "torch", "torch_channels_last": "torch", COMPILED: "torch", "jax": "jax", "dask": "dask"}
MISSING = {
    "torch": "PyTorch is not installed (perflab[torch])",
    "jax": "JAX is not installed (perflab[jax])",
    "dask": "Dask is not installed (perflab[dask])",
}

# Where a peer is known to answer otherwise; each is shown to be so below.
LAST_NAN = "the last NaN of a window takes the gradient, not the first"
AFTER_NAN = "the largest value after a window's last NaN takes the gradient, not the first NaN"
EXCEPTIONS = {
    ("torch", "max_pool2d", "nan"): LAST_NAN,
    ("torch", "max_pool2d", "nan_overlapping"): LAST_NAN,
    ("torch_channels_last", "max_pool2d", "nan"): LAST_NAN,
    ("torch_channels_last", "max_pool2d", "nan_overlapping"): LAST_NAN,
    ("jax", "max_pool2d", "nan"): AFTER_NAN,
    ("jax", "max_pool2d", "nan_overlapping"): AFTER_NAN,
}

every_peer = pytest.mark.parametrize(("project", "operation"), PEERS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_operation = pytest.mark.parametrize("operation", OPERATIONS)


def peer(project, operation):
    """A peer's module, or a skip that says what is missing."""
    library = LIBRARY[project]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the library's own
        pytest.importorskip(library, reason=MISSING[library])
    return importlib.import_module(f"perflab.peers.{project}.{operation}")


def facing_numpy(project, operation):
    """A peer as an implementation of NumPy arrays; views where it gives views, so that sharing shows."""
    module = peer(project, operation)

    def forward(*args):
        out, cache = module.forward(*map(module.to_native, args))
        return module.to_numpy(out), cache

    def backward(dout, cache):
        return tuple(module.to_numpy(grad) for grad in module.backward(module.to_native(dout), cache))

    return Implementation(operation, project, forward, backward)


def problem(operation, case, dtype):
    """The description, the arguments and the upstream gradient of a case."""
    described = perflab.operation(operation)
    args = tuple(inputs.make(described, case, dtype).values())
    return described, args, inputs.upstream(described, case, dtype)


def run(implementation, args, dout):
    """Out and gradients."""
    out, cache = implementation.forward(*args)
    return (out, *implementation.backward(dout, cache))


# ------------------------------------------------------------------------------------- the files themselves


def test_every_project_is_known():
    assert {path.parent.name for path in FILES} == set(LIBRARY)
    assert {operation for _, operation in PEERS} <= set(catalog.operations())
    assert {(project, operation) for project, operation, _ in EXCEPTIONS} <= set(PEERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_peer_holds_its_library_and_nothing_of_perflab(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree).split("\n")[0].endswith("."), "its first line says what it is"
    assert len(path.read_text("utf-8").splitlines()) <= 80
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            project = LIBRARY[path.parent.name]  # another layout may take what the project's own folder has
            own = node.level <= 1 or (node.level == 2 and node.module.split(".")[0] == project)
            assert own, "only its own folder"
            names = [] if node.level else [node.module]
        else:
            continue
        assert {name.split(".")[0] for name in names} <= {LIBRARY[path.parent.name], "numpy", "math"}


@every_peer
def test_a_peer_has_the_four_functions_and_the_operations_arguments(project, operation):
    module = peer(project, operation)
    named = module.forward.__code__.co_varnames[: module.forward.__code__.co_argcount]
    described = perflab.operation(operation)
    assert named == tuple(described.arguments)
    defaults = tuple(a.default for a in described.arguments.values() if not a.required)
    assert (module.forward.__defaults__ or ()) == defaults
    for name in ("to_native", "to_numpy", "backward"):
        assert callable(getattr(module, name))


# ---------------------------------------------------------------------------------- tensors, there and back


@every_peer
@every_dtype
def test_numbers_come_back_as_they_went(project, operation, dtype):
    module = peer(project, operation)
    described = perflab.operation(operation)
    for name, value in inputs.make(described, described.checks["odd"], dtype).items():
        native = module.to_native(value)
        if isinstance(value, np.ndarray | np.floating):
            back = module.to_numpy(native)
            assert isinstance(back, np.ndarray)
            assert (back.shape, back.dtype) == (value.shape, value.dtype), name
            assert back.flags.c_contiguous
            np.testing.assert_array_equal(back, value)
        else:
            assert native is value
    for value in (3, (1, 2), np.int64(3), 0.5):
        assert module.to_native(value) is value


def test_pytorch_reads_an_arrays_own_memory():
    module = peer("torch", "conv2d")
    x = np.ones((2, 3, 4, 5), np.float32)
    native = module.to_native(x)
    assert native.requires_grad
    assert native.is_leaf
    assert np.shares_memory(module.to_numpy(native), x)
    assert not module.to_native(np.arange(3)).requires_grad
    x.flags.writeable = False
    assert not np.shares_memory(module.to_numpy(module.to_native(x)), x), "what is read-only is copied"


def test_channels_last_is_the_order_in_memory():
    module = peer("torch_channels_last", "conv2d")
    torch = importlib.import_module("torch")
    native = module.to_native(np.arange(120.0).reshape(2, 3, 4, 5))
    assert native.shape == (2, 3, 4, 5)
    assert native.stride() == (60, 1, 15, 3)
    assert native.is_leaf
    out, _ = module.forward(native, module.to_native(np.ones((4, 3, 2, 2))), module.to_native(np.ones(4)))
    assert out.is_contiguous(memory_format=torch.channels_last), "and so does what comes out"


def test_jax_copies_whatever_the_memorys_alignment():
    module = peer("jax", "conv2d")
    for offset in range(0, 64, 4):
        memory = np.empty(4096, np.uint8)
        start = -memory.ctypes.data % 64 + offset
        x = memory[start : start + 960].view(np.float32).reshape(2, 3, 4, 10)
        x[...] = 1
        native = module.to_native(x)
        assert native.committed
        assert not np.shares_memory(module.to_numpy(native), x)


# ------------------------------------------------------------------------------------- verified by the oracle


@every_peer
@every_dtype
def test_a_peer_is_right_but_for_its_named_exceptions(project, operation, dtype):
    described = perflab.operation(operation)
    verdict = oracle.examine(described, facing_numpy(project, operation), dtype)
    failed = [check for check in verdict.checks if not check.ok]
    named = {case for p, o, case in EXCEPTIONS if (p, o) == (project, operation)}
    assert {check.case for check in failed} == named, failed
    assert all(check.where.startswith("dx") for check in failed), "the output is right even there"
    assert verdict.ok or named
    assert {check.case for check in verdict.checks} == set(described.checks), "no case is passed over"


@pytest.mark.parametrize("project", sorted(name for name, op in PEERS if op == "max_pool2d"))
@every_dtype
@pytest.mark.parametrize(
    ("window", "torch_at", "jax_at"),
    [
        ([1, np.nan, 3, np.nan, 2, 5], 3, 5),
        ([np.nan, 1, 4, 2, 4, 0], 0, 2),
        ([1, 2, 3, np.nan, 4, np.nan], 5, 5),
        ([np.nan] * 6, 5, 5),
    ],
)
def test_where_a_peer_sends_the_gradient_of_a_window_with_nan(project, dtype, window, torch_at, jax_at):
    x = np.array(window, dtype).reshape(1, 1, 2, 3)
    out, dx = run(facing_numpy(project, "max_pool2d"), (x, (2, 3), (1, 1)), np.full((1, 1, 1, 1), 7, dtype))
    assert np.isnan(out).all()
    assert np.flatnonzero(dx).tolist() == [jax_at if project == "jax" else torch_at]
    assert dx.sum() == 7


@pytest.mark.parametrize("project", ["torch", "torch_channels_last"])
@pytest.mark.parametrize(
    ("operation", "shapes"),
    [
        ("conv2d", [(2, 2, 5, 5), (0, 2, 3, 3), (0,)]),
        ("conv2d", [(2, 2, 0, 5), (3, 2, 3, 3), (3,)]),
        ("max_pool2d", [(2, 0, 4, 4)]),
    ],
    ids=["no filters", "no pixels", "no channels"],
)
def test_what_pytorch_refuses_ours_do(project, operation, shapes):
    args = [np.ones(shape) for shape in shapes]
    if operation == "conv2d":
        args += [(1, 1), (2, 2)]
    with pytest.raises(RuntimeError):
        facing_numpy(project, operation).forward(*args)
    out, _ = perflab.implementation(operation, "jit").forward(*args)
    assert out.size == 0 or (out == 1).all()


@pytest.mark.parametrize("project", ["torch", "torch_channels_last"])
def test_pytorch_gives_no_filters_where_there_are_no_channels(project):
    args = np.ones((2, 0, 5, 5)), np.ones((3, 0, 3, 3)), np.ones(3)
    assert facing_numpy(project, "conv2d").forward(*args)[0].shape == (2, 0, 3, 3)
    out, _ = perflab.implementation("conv2d", "jit").forward(*args)
    np.testing.assert_array_equal(out, np.ones((2, 3, 3, 3)))


@pytest.fixture(scope="module")
def compilations():
    """The events of JAX's tracing and compiling, as they come."""
    monitoring = pytest.importorskip("jax.monitoring", reason=MISSING["jax"])
    heard = []

    def listen(event, duration, **more):
        if "compile" in event or "trace" in event:
            heard.append(event)

    monitoring.register_event_duration_secs_listener(listen)
    return heard


@every_operation
def test_jax_compiles_nothing_at_a_second_call(operation, compilations):
    module = peer("jax", operation)
    described = perflab.operation(operation)
    sizes = {axis: size + 1 for axis, size in described.checks["odd"].sizes.items()}
    once = replace(described.checks["odd"], name="once", sizes=sizes)
    for seed in range(3):
        _, args, dout = problem(operation, replace(once, seed=seed), "float32")
        native, upstream = [module.to_native(value) for value in args], module.to_native(dout)
        before = len(compilations)
        _, cache = module.forward(*native)
        module.backward(upstream, cache)
        module.backward(upstream, cache)
        assert (len(compilations) > before) == (seed == 0), compilations[before:]


@pytest.mark.slow
@every_operation
def test_compiled_pytorch_is_right_and_compiles_nothing_at_a_second_call(operation, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    module = peer(COMPILED, operation)
    described, args, dout = problem(operation, perflab.operation(operation).checks["odd"], "float32")
    counts, results = [module.compilations()], []
    for _ in range(2):
        results.append(run(facing_numpy(COMPILED, operation), args, dout))
        counts.append(module.compilations())
    assert counts[0] < counts[1] == counts[2]
    for got in results:
        agrees(oracle.reference(described, args, dout, "float32"), got)


# --------------------------------------------------------------------------- PyTorch as the second oracle


def second_opinion(operation, args, dout, dtype):
    """What PyTorch's autograd in float64 says, and how far rounding may lead from it.

    In float32 its own error does not count beside the bound; in float64 it may be off by as much again.
    """
    described = perflab.operation(operation)
    right = oracle.reference(described, args, dout, dtype)
    wide = [value.astype(np.float64) if np.asarray(value).dtype.kind == "f" else value for value in args]
    values = run(facing_numpy("torch", operation), wide, np.asarray(dout, np.float64)[()])
    bounds = tuple(2 * bound for bound in right.bounds) if dtype == "float64" else right.bounds
    return right, replace(right, values=values, bounds=bounds, precision="PyTorch's float64")


def agrees(opinion, got):
    """Shape, dtype and every element; an assertion that names the worst one."""
    assert not oracle.form(opinion, got)
    for worst in oracle.judge(opinion, got):
        assert worst.share <= 1, f"{worst.where}: got {worst.got}, wanted {worst.wanted}"


seeds = st.integers(0, 2**31 - 1)
batch = st.integers(0, 3)
samples = st.integers(1, 9)
features = st.integers(1, 40)
neurons = st.integers(1, 12)
channels = st.integers(1, 5)
filters = st.integers(1, 5)
pixels = st.integers(1, 11)
taps = st.integers(1, 5)
steps = st.integers(1, 7)
strides = st.tuples(st.integers(1, 4), st.integers(1, 4))
pads = st.tuples(st.integers(0, 3), st.integers(0, 3))


@st.composite
def softmax_losses(draw):
    sizes = {"N": draw(samples), "D": draw(features), "C": draw(neurons)}
    reg = draw(st.floats(0, 4, width=32))
    return Case("drawn", sizes, {"reg": reg}, draw(one_of("extreme")), draw(seeds))


@st.composite
def fully_connecteds(draw):
    sizes = {"N": draw(batch), "D": draw(features), "M": draw(neurons)}
    return Case("drawn", sizes, {}, draw(one_of()), draw(seeds))


@st.composite
def conv2ds(draw):
    H, W, pad = draw(pixels), draw(pixels), draw(pads)
    HH, WW = min(draw(taps), H + 2 * pad[0]), min(draw(taps), W + 2 * pad[1])
    sizes = {"N": draw(batch), "C": draw(channels), "H": H, "W": W, "F": draw(filters), "HH": HH, "WW": WW}
    return Case("drawn", sizes, {"stride": draw(strides), "pad": pad}, draw(one_of()), draw(seeds))


@st.composite
def max_pool2ds(draw):
    H, W = draw(pixels), draw(pixels)
    size = min(draw(taps), H), min(draw(taps), W)
    sizes = {"N": draw(batch), "C": draw(channels), "H": H, "W": W}
    return Case("drawn", sizes, {"size": size, "stride": draw(strides)}, draw(one_of("ties")), draw(seeds))


@st.composite
def rnns(draw):
    sizes = {"N": draw(batch), "T": draw(steps), "D": draw(features), "H": draw(neurons)}
    return Case("drawn", sizes, {}, draw(one_of("extreme")), draw(seeds))


@st.composite
def mlps(draw):
    sizes = {"N": draw(samples), "n": draw(features), "h": draw(neurons), "k": draw(neurons)}
    kind = draw(st.sampled_from(("normal", "extreme")))
    return Case("drawn", sizes, {}, kind, draw(seeds))


def one_of(*more):
    """A kind of inputs."""
    return st.sampled_from(("normal", "integers", *more))


CASES = {
    "softmax_loss": softmax_losses(),
    "fully_connected": fully_connecteds(),
    "conv2d": conv2ds(),
    "max_pool2d": max_pool2ds(),
    "rnn": rnns(),
    "mlp": mlps(),
}


@every_operation
def test_every_technique_agrees_with_pytorchs_autograd(operation):
    here = facing_numpy("torch", operation)

    @settings(max_examples=20)
    @given(case=CASES[operation], dtype=st.sampled_from(DTYPES))
    def agree(case, dtype):
        _, args, dout = problem(operation, case, dtype)
        right, second = second_opinion(operation, args, dout, dtype)
        agrees(right, run(here, args, dout))
        for technique in perflab.techniques(operation):
            got = run(catalog.raw(operation, technique), args, dout)
            agrees(right, got)
            agrees(second, got)

    agree()


@every_operation
def test_pytorch_catches_the_mistakes_that_the_reference_catches(operation):
    """By numbers alone: a fault that only a second call or a NaN shows is found by other checks."""
    described = perflab.operation(operation)
    caught = {"reference": set(), "PyTorch": set()}
    for case in described.checks.values():
        if case.inputs == "nan":
            continue
        for mutant in catalog.mutants(operation):
            _, args, dout = problem(operation, case, "float32")
            right, second = second_opinion(operation, args, dout, "float32")
            with np.errstate(all="ignore"):
                got = run(mutant, args, dout)
            for judge, opinion in (("reference", right), ("PyTorch", second)):
                try:
                    agrees(opinion, got)
                except AssertionError:
                    caught[judge].add(mutant.name)
    assert caught["PyTorch"] == caught["reference"]
    assert len(caught["PyTorch"]) > len(catalog.mutants(operation)) / 2
