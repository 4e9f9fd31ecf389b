"""Evidence on made-up code: what the assembly holds, what memory a call asks for, why one is faster."""

import json

import numpy as np
import pytest
from numba import njit, prange

from perflab import catalog, evidence
from perflab.catalog import inputs
from perflab.contract import Implementation
from perflab.evidence import gathering
from perflab.evidence.assembly import read
from perflab.ops import _simd
from perflab.records import Plan
from perflab.records.evidence import Code, Counts, Way
from perflab.report.why.reasons import Side, because

X86 = """
	.type	kernel,@function
kernel:
	.cfi_startproc
	xorl	%eax, %eax
	movabsq	$expf, %rbx
.LBB0_1:
	vmovups	(%rdi,%rax), %zmm1
	vfmadd231ps	(%rsi,%rax), %zmm1, %zmm0
	vaddps	%zmm1, %zmm2, %zmm2 {%k1}
	vgatherdps	(%rax,%zmm3), %zmm4 {%k2}
	addq	$64, %rax
	cmpq	%rax, %rdx
	jne	.LBB0_1
	testb	$15, %dl
	je	.LBB0_4
.LBB0_3:
	vmulss	(%rdi,%rax), %xmm1, %xmm1
	callq	*%rbx
	decq	%rdx
	jne	.LBB0_3
.LBB0_4:
	retq
	.type	wrapper,@function
wrapper:
	vaddsd	%xmm0, %xmm1, %xmm0
	callq	kernel
	retq
"""
ARM = """
kernel:
	fmov	s0, wzr
.LBB0_1:
	ldp	q2, q3, [x0], #32
	fmla	v0.4s, v2.4s, v3.4s
	fmla	v1.4s, v2.4s, v3.4s
	subs	x2, x2, #8
	b.ne	.LBB0_1
	cbz	x3, .LBB0_4
.LBB0_3:
	ldr	d2, [x0], #8
	fmadd	d0, d1, d2, d0                  // x * y + z
	fcvt	s1, d0
	sub	x3, x3, #1
	cbnz	x3, .LBB0_3
.LBB0_4:
	ret
"""
NEST = """
kernel:
	jmp	.LBB0_4
.LBB0_1:
	vaddsd	%xmm0, %xmm1, %xmm1
.LBB0_2:
	vmulpd	%ymm0, %ymm1, %ymm1
	decq	%rdx
	jne	.LBB0_2
	decq	%rcx
.LBB0_4:
	testq	%rcx, %rcx
	jne	.LBB0_1
	retq
"""


def test_reads_x86():
    code = read(X86, "kernel")
    assert (code.whole.arithmetic, code.whole.packed, code.whole.fused, code.whole.gathers) == (3, 2, 1, 1)
    assert code.whole.widths == {"512": 2}
    assert (code.hot.arithmetic, code.hot.packed, code.hot.numbers) == (2, 2, 32)
    assert code.loops == 2
    assert code.calls == ("expf",)
    assert read(X86, "wrapper").whole.arithmetic == 4, "and what it calls"
    assert read(X86).whole.arithmetic == 4, "all of it where nothing is named"


def test_reads_aarch64():
    code = read(ARM, "kernel")
    assert (code.whole.arithmetic, code.whole.packed, code.whole.fused) == (3, 2, 3)
    assert (code.hot.packed, code.hot.widths, code.hot.numbers) == (2, {"128": 2}, 8)
    assert code.innermost.arithmetic == 3
    assert code.loops == 2


def test_a_loop_owns_what_no_loop_within_it_holds():
    code = read(NEST, "kernel")
    assert code.loops == 2
    assert code.whole.arithmetic == 2
    assert code.innermost.widths == {"256": 1}
    assert code.hot.packed == code.hot.arithmetic == 1


def test_a_kernel_that_jumps_nowhere_has_no_loops():
    code = read("kernel:\n\tvaddss\t%xmm0, %xmm1, %xmm0\n\tretq\n", "kernel")
    assert (code.loops, code.whole.arithmetic, code.hot.arithmetic) == (0, 1, 0)


# ------------------------------------------------------------------------------ what Numba and NumPy do


@njit
def tiles(a, b, c):
    acc = _simd.tile(c, 4, 2)
    at = bt = np.uintp(0)
    for _ in range(a.size // 4):
        acc = _simd.outer(acc, a, at, np.uintp(1), b, bt, np.uintp(c.size // 8))
        at += np.uintp(4)
    _simd.store(acc, c, np.uintp(0), np.uintp(c.size // 4))


@njit
def scalar_sum(x):
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i]
    return total


@njit
def with_workspace(x):
    work = np.zeros((4, x.shape[0], x.shape[1]), x.dtype)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            work[j % 4, i, j] = x[i, j]
    return work.sum()


@njit(parallel=True)
def each_with_workspace(x):
    out = np.zeros(x.shape[0], x.dtype)
    for i in prange(x.shape[0]):
        work = np.zeros(50_000, x.dtype)
        for j in range(x.shape[1]):
            work[j] = x[i, j]
        out[i] = work.sum()
    return out


def as_implementation(forward, backward=None):
    def zeros(dout, cache):
        x, w, b = cache
        return np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)

    return Implementation("fully_connected", "made_up", forward, backward or zeros)


def examined(forward, dtype="float32", case="small"):
    operation = catalog.operation("fully_connected")
    return evidence.examine(operation, as_implementation(forward), operation.case(case), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tiles_are_packed_to_the_width_of_the_host(dtype):
    lanes = _simd.LANES[np.dtype(dtype)]

    def forward(x, w, b):
        out = np.empty(8 * lanes, dtype)
        tiles(np.ones(400, dtype), np.ones(800, dtype), out)
        return x @ w + b, (x, w, b)

    way = examined(forward, dtype).ways["forward"]
    assert (way.kind, way.no_code) == ("compiled", "")
    hot = way.code.hot
    assert hot.packed == hot.arithmetic > 0
    assert way.code.whole.packed == way.code.whole.arithmetic, "also in what is left of an unrolled loop"
    assert set(hot.widths) == {str(8 * _simd.BYTES)}
    assert hot.numbers == lanes * hot.arithmetic
    assert hot.fused == (hot.arithmetic if _simd.FUSED else 0)


def test_a_sum_in_its_own_order_stays_scalar():
    def forward(x, w, b):
        scalar_sum(b)
        return x @ w + b, (x, w, b)

    hot = examined(forward).ways["forward"].code.hot
    assert hot.arithmetic > 0
    assert hot.packed == 0
    assert hot.numbers == hot.arithmetic


def test_the_temporaries_of_numpy_are_counted_to_the_byte():
    def forward(x, w, b):
        product = x @ w
        return product + product, (x, w, b)

    way = examined(forward).ways["forward"]
    sizes = catalog.operation("fully_connected").case("small").sizes
    product = 4 * sizes["N"] * sizes["M"]
    assert (way.kind, way.whole, way.allocations) == ("numpy", True, 2)
    assert way.temporaries == pytest.approx(product, abs=2000)
    assert way.peak == pytest.approx(product, abs=4000)
    assert way.no_code.startswith("no assembly: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "numbers"), [(with_workspace, 4 * 32 * 128), (each_with_workspace, 50_000)]
)
def test_what_a_kernel_allocates_is_seen(kernel, numbers):
    def forward(x, w, b):
        out = x @ w
        out += b
        kernel(x)
        return out, (x, w, b)

    way = examined(forward).ways["forward"]
    if way.peak is None:
        assert "not measured" in way.memory
        return
    assert way.peak == pytest.approx(4 * numbers, rel=0.05)
    assert way.temporaries == pytest.approx(4 * numbers * (32 if kernel is each_with_workspace else 1), rel=1)


_kept = {}


def workspace(dtype):
    return _kept.setdefault(dtype, np.empty(10_000, dtype))


def test_a_workspace_that_is_kept_between_calls_is_not_forgotten():
    def forward(x, w, b):
        workspace(x.dtype)
        return x @ w + b, (x, w, b)

    ways = examined(forward).ways
    assert ways["forward"].workspace == 40_000
    assert ways["forward"].peak >= 40_000
    assert ways["backward"].workspace == 0


@pytest.mark.slow
def test_a_loaded_kernel_has_the_assembly_of_a_compiled_one(tmp_path):
    import os
    import subprocess
    import sys

    from conftest import ROOT

    asked = (
        "from perflab.evidence import gather; w = gather('fully_connected', 'jit', 'tiny', 'float32').ways;"
        "print(w['forward'].code, w['backward'].code)"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    told = [
        subprocess.run(
            [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert "arithmetic" in told[0]
    assert told[0] == told[1]


# ------------------------------------------------------------------------------------- the rungs themselves


@pytest.mark.slow
def test_the_first_rungs():
    ways = {
        technique: evidence.gather("fully_connected", technique, "small", "float64").ways["forward"]
        for technique in ("naive", "per_neuron", "vectorized", "jit")
    }
    assert [way.kind for way in ways.values()] == ["interpreted", "numpy", "numpy", "compiled"]
    assert ways["naive"].steps > ways["naive"].flops
    assert ways["per_neuron"].steps > 10 * ways["vectorized"].steps
    assert ways["jit"].code.hot.packed == 0, "no freedom to reorder the sum"
    assert ways["jit"].temporaries < 4096 < ways["vectorized"].temporaries


def test_gathers_a_plan_as_plain_json():
    plan = Plan(
        "made up", {"fully_connected": ("vectorized", "no_such", "torch")}, {"fully_connected": ("tiny",)},
        ("float32",), (1,), ("forward",), 1, 1, 0.01, 1.0, homes={"torch": "torch"},
    )  # fmt: skip
    told = list(evidence.gather_all(plan))
    assert json.loads(json.dumps(told)) == told
    good, bad = told
    assert good["technique"] == "vectorized"
    assert set(good["ways"]) == {"forward", "backward"}
    assert good["lines"] == 5
    assert bad["technique"] == "no_such"
    assert bad["reason"].startswith("PerflabError: ")


def test_what_was_gathered_is_kept_for_the_next_run(tmp_path, monkeypatch):
    plan = Plan(
        "made up", {"fully_connected": ("vectorized", "no_such")}, {"fully_connected": ("tiny",)},
        ("float32", "float64"), (1,), ("forward",), 1, 1, 0.01, 1.0,
    )  # fmt: skip
    first = list(evidence.gather_all(plan, tmp_path))
    assert [r["dtype"] for r in first] == ["float32", "float32"], "one dtype tells"
    monkeypatch.setattr(gathering, "gather", lambda *_, **__: pytest.fail("gathered again"))
    again = evidence.gather_all(plan, tmp_path)
    assert json.loads(json.dumps(next(again))) == json.loads(json.dumps(first[0]))
    with pytest.raises(pytest.fail.Exception):
        next(again)  # what failed is tried again
    (tmp_path / "evidence.jsonl").write_text("not JSON")
    with pytest.raises(pytest.fail.Exception):
        next(evidence.gather_all(plan, tmp_path))
    assert gathering._earlier(tmp_path / "no such folder") == {}


def test_lines_of_code():
    source = (
        '"""Title."""\n\nimport numpy  # a comment\n\n\ndef f():\n    """Doc\n    string."""\n    # why\n'
    )
    assert evidence.code_lines(source + "    return (\n        1\n    )\n") == 5
    held = evidence.gather("fully_connected", "jit", "tiny", "float32")
    assert (held.lines, list(held.imported)) == (4, ["naive"])


# -------------------------------------------------------------------------------------------- the reasons


def side(technique, seconds, threads=1, *, code=None, **figures):
    fields = {
        "kind": "numpy", "flops": 10**6, "bytes": 10**6, "steps": 100, "few": 100, "few_flops": 10**4,
        "whole": True, "allocations": 0, "allocated": 0, "temporaries": 0, "workspace": 0, "peak": 0,
        "memory": "", "code": code, "no_code": "",
    }  # fmt: skip
    return Side(technique, seconds, Way(**fields | figures), threads)


def loops(numbers=1, *, fused=0, gathers=0, calls=()):
    packed = 10 if numbers > 1 else 0
    hot = Counts(10, packed, fused, gathers, 10 * numbers, {"512": packed} if packed else {})
    return Code(hot=hot, innermost=hot, calls=tuple(calls))


def sentence(lower, upper, **known):
    return because(lower, upper, flops=10**6, bytes=10**6, **known)


def test_interpreted_no_longer():
    lower = side("naive", 0.5, kind="interpreted", steps=10**7, few=10**5)
    said = sentence(lower, side("jit", 0.001, kind="compiled", code=loops()))
    assert said.startswith("jit is 500 times as fast as naive (1.0 GFLOP/s")
    assert "is compiled where naive is interpreted, and takes 100 steps" in said
    assert "instead of 10\u202f000\u202f000" in said


def test_steps_that_cannot_have_cost_the_time_are_no_cause():
    said = sentence(side("a", 1.0, steps=1000, few=1000), side("b", 0.5))
    assert said.endswith("the figures here do not explain it.")


def test_fewer_temporaries():
    said = sentence(side("a", 0.01, temporaries=30_000_000), side("b", 0.002))
    assert "b makes no temporaries a call instead of 29 MiB; inputs and outputs are 980 KiB" in said


def test_less_held_at_once():
    said = sentence(side("a", 0.01, peak=30_000_000), side("b", 0.002, peak=2_000_000))
    assert "b needs at most 1.9 MiB beyond its outputs instead of 29 MiB" in said


def test_packed_and_fused():
    lower = side("jit", 0.03, kind="compiled", code=loops())
    upper = side("simd", 0.001, kind="compiled", code=loops(16, fused=10))
    said = sentence(lower, upper)
    assert "simd's hot loop works on 16 numbers an instruction (512 bits) instead of 1" in said
    assert "100% of the arithmetic in simd's hot loop multiplies and adds" in said
    assert said.index("16 numbers") < said.index("100%"), "what changed most stands first"
    assert "only a part" not in said


def test_a_small_change_does_not_explain_a_large_gain():
    lower = side("a", 1.0, kind="compiled", code=loops(8))
    said = sentence(lower, side("b", 0.001, kind="compiled", code=loops(16)))
    assert said.endswith("; this explains only a part of it.")


def test_gathers_and_calls():
    lower = side("a", 0.002, kind="compiled", code=loops(gathers=5, calls=["expf"]))
    said = sentence(lower, side("b", 0.001, kind="compiled", code=loops()))
    assert "gathers 0 times" in said
    assert "do not call expf" in said


def test_threads():
    assert "b has 2 threads instead of 1" in sentence(side("a", 0.002), side("b", 0.001, threads=2))


def test_slower_is_told_from_the_faster_ones_side():
    lower = side("vectorized", 0.001)
    said = sentence(lower, side("jit", 0.002, kind="compiled", code=loops()))
    assert said.startswith("jit takes 2.0 times as long as vectorized")
    assert "of the 10 arithmetic instructions in jit's innermost loops none" in said


def test_as_fast():
    assert "no figure here changed" in sentence(side("a", 0.001), side("b", 0.001))
    said = sentence(side("a", 0.001), side("b", 0.0012, temporaries=30_000_000), same=True)
    assert said.startswith("b is as fast as a")
    assert "although a makes no temporaries" in said


def test_nothing_changed():
    said = sentence(side("a", 0.002), side("b", 0.001))
    assert said.endswith("the figures here do not explain it.")
    said = sentence(Side("a", 0.002), Side("b", 0.001))
    assert said.endswith("the figures here do not explain it.")


@pytest.mark.parametrize(
    ("operation", "technique"),
    [
        (op, t)
        for op in catalog.operations()
        for t in catalog.techniques(op)
        if catalog.raw(op, t).workspace_bytes is not None
    ],
)
def test_the_memory_that_a_technique_foretells_is_what_it_takes(operation, technique):
    described, held = catalog.operation(operation), catalog.raw(operation, technique)
    case = described.cases["large"]
    found = evidence.gather(operation, technique, "large", "float64").ways
    sizes = described.derive(case.sizes, inputs.pairs(described, case))
    foretold = held.workspace_bytes(sizes, 8)
    # forward's peak holds what it keeps for backward, whose own peak comes on top of that
    out = 8 * sizes["N"] * sizes["F"] * sizes["OH"] * sizes["OW"]
    kept = found["forward"].allocated - found["forward"].temporaries - out
    taken = kept + found["backward"].peak
    assert 0.7 < taken / foretold < 1.5
