"""The kernels on narrower vectors than the host's: AVX2, and the 16 bytes that every processor has."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from perflab import catalog
from perflab.ops._simd import BYTES, REGISTERS

AVX2 = "+sse4.2,+avx,+avx2,+fma,+bmi,+bmi2,+popcnt"
WIDTHS = {  # processor, its features, bytes of a vector, number of vector registers, dtype, operations
    "avx2": ("haswell", AVX2, 32, 16, "float32", catalog.operations()),
    "plain": ("generic", "", 16, 16, "float64", catalog.operations()),
    "as many registers as AArch64": ("generic", "", 16, 32, "float64", ("conv2d",)),
}
CODE = """
from perflab.ops import _simd
_simd.REGISTERS = {registers}  # before the kernels choose their tiles
import numpy as np
from perflab import catalog, oracle
from perflab.catalog import inputs
from perflab.ops._simd import BYTES
import sys
sys.path[:0] = {tests}
from test_shapes import CASES
assert BYTES == {bytes}, BYTES
for at, (name, case) in enumerate(CASES):
    if at % 4 != 1 or name not in {operations}:
        continue
    described = catalog.operation(name)
    args = tuple(inputs.make(described, case, {dtype!r}).values())
    dout = inputs.upstream(described, case, {dtype!r})
    right = oracle.reference(described, args, dout, {dtype!r})
    for technique in {rungs}.get(name, (described.since["auto"],)):
        raw = catalog.raw(name, technique)
        out, cache = raw.forward(*args)
        got = (out, *raw.backward(dout, cache))
        assert not oracle.form(right, got), (name, technique)
        for worst in oracle.judge(oracle.held_to(right, raw, args, dout), got):
            assert worst.share <= 1, (name, technique, case, worst)
print("right")
"""


ON_X86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="chooses an x86 processor's vectors"
)
AVX512 = "+avx,+avx2,+fma,+avx512f,+avx512vl,+avx512dq,+avx512bw,+avx512cd"
TARGETS = [
    pytest.param(
        {"NUMBA_CPU_NAME": "skylake-avx512", "NUMBA_CPU_FEATURES": AVX512}, 64, marks=pytest.mark.slow
    ),
    ({"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"}, 32),
    pytest.param({"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2"}, 16, marks=pytest.mark.slow),
    pytest.param({"NUMBA_CPU_NAME": "generic"}, 16, marks=pytest.mark.slow),
]
COMPILED = """
from numba import njit
from perflab.ops._simd import BYTES, load, store

@njit
def copy(a, c):
    store(load(a, 0, 0, 1, 1), c, 0, 0)

copy.compile("(float32[::1], float32[::1])")
(assembly,) = copy.inspect_asm().values()
widest = max(bytes for name, bytes in (("%zmm", 64), ("%ymm", 32), ("%xmm", 16)) if name in assembly)
print(BYTES, widest)
"""


def widths_of(variables):
    """The bytes of our vector, and of the widest register in a kernel that moves one."""
    command, environment = [sys.executable, "-c", COMPILED], os.environ | variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return tuple(map(int, done.stdout.split()))


@ON_X86
@pytest.mark.parametrize(("variables", "count"), TARGETS)
def test_a_vector_is_as_wide_as_the_registers_that_numba_compiles_for(variables, count):
    assert widths_of(variables) == (count, count)


@ON_X86
def test_without_avx_vectors_are_narrow():
    """The code itself may still use AVX, since Numba leaves fused multiply-adds on, which imply it."""
    assert widths_of({"NUMBA_ENABLE_AVX": "0"})[0] == 16


@pytest.mark.slow
@ON_X86
@pytest.mark.parametrize("width", WIDTHS)
def test_the_top_of_every_ladder_is_right_on_narrower_vectors(width, tmp_path):
    cpu, features, count, registers, dtype, operations = WIDTHS[width]
    if (count, registers) == (BYTES, REGISTERS):
        pytest.skip("this processor's vectors are the same: all other tests are this one")
    code = CODE.format(
        tests=[str(folder) for folder in Path(__file__).parents[:2]],
        bytes=count, registers=registers, dtype=dtype, operations=operations,
        rungs={"conv2d": ("implicit", "winograd4") if len(operations) > 1 else ("winograd4",)},
    )  # fmt: skip
    environment = os.environ | {
        "NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path),
        "NUMBA_NUM_THREADS": "1",  # half as much to compile
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "right", done.stderr[-2000:]
