"""The kernels on narrower vectors than the host's: AVX2, and the 16 bytes that every processor has."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from perflab import catalog

WIDTHS = {
    "avx2": ("haswell", "+sse4.2,+avx,+avx2,+fma,+bmi,+bmi2,+popcnt", 32, "float32", catalog.operations()),
    "plain": ("generic", "", 16, "float64", catalog.operations()),
}
CODE = """
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
    for technique in {rungs}.get(name, described.ladder[-1:]):
        raw = catalog.raw(name, technique)
        out, cache = raw.forward(*args)
        got = (out, *raw.backward(dout, cache))
        assert not oracle.form(right, got), (name, technique)
        for worst in oracle.judge(oracle.held_to(right, raw, args, dout), got):
            assert worst.share <= 1, (name, technique, case, worst)
print("right")
"""


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="narrows an x86 processor's vectors"
)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_top_of_every_ladder_is_right_on_narrower_vectors(width, tmp_path):
    cpu, features, count, dtype, operations = WIDTHS[width]
    code = CODE.format(
        tests=[str(folder) for folder in Path(__file__).parents[:2]],
        bytes=count, dtype=dtype, operations=operations,
        rungs={"conv2d": ("implicit", "winograd4")},
    )  # fmt: skip
    environment = os.environ | {
        "NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "right", done.stderr[-2000:]
