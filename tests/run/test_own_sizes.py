"""Runs and verifications on one's own sizes: their plan, what is foreseen, what is refused."""

import json
from dataclasses import asdict

import pytest
from conftest import one_line, perflab

import perflab as face
from perflab import catalog, records, report
from perflab.catalog import cases
from perflab.catalog.find import operation
from perflab.catalog.sizes import own_case, own_cases
from perflab.contract import PerflabError
from perflab.records import Plan, typed
from perflab.run import forecast, presets, request
from perflab.run import verify as verification

OP = "fully_connected"
TWO = (f"{OP}/vectorized", f"{OP}/jit")
SMALL = ({"N": 3, "D": 7, "M": 5}, {"N": 3, "D": 11, "M": 5})


def settled(*words, sizes=(), sweeps=(), **options):
    """The plan that a request for these targets makes."""
    asked = request.Request(tuple(words), sizes=tuple(sizes), sweeps=tuple(sweeps), **options)
    return request.settle(asked)[1]


def test_sizes_are_the_cases_of_the_plan_and_survive_json():
    plan = settled(*TWO, sizes=SMALL)
    assert plan.cases == {OP: ("N3-D7-M5", "N3-D11-M5")}
    assert plan.preset == presets.DEFAULT_PRESET
    assert typed.read(Plan, json.loads(json.dumps(asdict(plan)))) == plan
    described = cases.describe(plan)[OP]["cases"]["N3-D11-M5"]
    assert described["sizes"] == {"N": 3, "D": 11, "M": 5}
    assert described["inputs"] == "normal"
    assert cases.planned(plan, OP).case("N3-D11-M5").sizes["D"] == 11


def test_a_named_case_is_measured_beside_ones_own():
    plan = settled(*TWO, sizes=SMALL[:1], cases=("tiny",))
    assert set(plan.cases[OP]) == {"tiny", "N3-D7-M5"}


def test_every_operation_that_is_named_has_the_sizes():
    plan = settled("fully_connected/jit", "softmax_loss/jit", sizes=[{"N": 3, "D": 5}])
    assert plan.cases == {"softmax_loss": ("N3-D5-C10-reg0.1",), OP: ("N3-D5-M256",)}


def test_a_sweep_is_measured_breadth_first_in_float32():
    plan = settled(OP, sizes=[{"N": 8}], sweeps=["D=4:512"])
    assert (plan.preset, plan.swept, plan.dtypes) == ("sweep", ("D",), ("float32",))
    assert [case.sizes["D"] for case in plan.sized[OP]] == [2**n for n in range(2, 10)]
    assert [phase.name for phase in plan.phases] == ["every size", "sizes", "precision"]
    assert all(plan.contenders(OP, case) == plan.techniques[OP] for case in plan.cases[OP])


def test_the_least_turns_of_a_large_sweep_fit_into_its_time():
    small, large = (settled("max_pool2d", sweeps=words) for words in (["H=8:16"], ["H=8:128", "W=8:128"]))
    assert small.block_s == presets.PRESETS["sweep"].block_s
    assert large.size * large.block_s <= presets.BLOCKS_SHARE * large.for_s + 1e-6


def test_a_plan_whose_sizes_do_not_fit_it_is_refused():
    plan = json.loads(json.dumps(asdict(settled(*TWO, sizes=SMALL))))
    plan["sized"][OP][0]["sizes"]["D"] = 8
    with pytest.raises(typed.Wrong, match=r"sized\.fully_connected\[0\]"):
        typed.read(Plan, plan)
    plan = json.loads(json.dumps(asdict(settled(*TWO, sweeps=["D=4:8"]))))
    with pytest.raises(typed.Wrong, match="swept"):
        typed.read(Plan, plan | {"swept": ["Q"]})


def test_memory_is_foreseen():
    with pytest.raises(PerflabError, match=r"fully_connected, N400000-.*: needs about .*free"):
        settled(OP, sizes=[dict.fromkeys("NDM", 400_000)])


def test_a_case_without_arithmetic_is_refused():
    with pytest.raises(PerflabError, match="forward computes nothing"):
        settled("max_pool2d", sizes=[{"size": 1, "stride": 1}])
    assert face.verify(
        "max_pool2d", "vectorized", size={"N": 2, "C": 3, "size": 1, "stride": 1}, dtype="float32"
    )


def test_plain_loops_on_a_large_case_are_forecast_from_the_small_one():
    described, naive = operation(OP), catalog.raw(OP, "naive")
    seconds, basis, least_s = forecast.from_small_case(
        described, own_case(described, {"N": 4096, "D": 4096, "M": 4096}), "float32", naive
    )
    assert seconds["step"] > least_s > 60
    assert basis == "flops^1.00 from tiny"
    near = described.case(described.small_case)
    assert forecast.from_small_case(described, near, "float32", naive)[2] == 0


BAD = {
    "Q=3": "Q: unknown axis or parameter",
    "N": "'N'; wanted NAME=NUMBER",
    "N=0": "N=0; wanted a whole number from 1",
    "N=-1": "N=-1; wanted a whole number from 1",
    "N=1000000000000": "N=1000000000000; wanted",
}


@pytest.mark.parametrize("verb", ["run", "verify", "study", "board"])
@pytest.mark.parametrize("word", BAD)
def test_a_bad_size_is_one_line(verb, word, tmp_path):
    where = {"run": ("--out", tmp_path / "none")}.get(verb, ())
    line = one_line(perflab(verb, OP, "--size", word, *where), 2)
    assert BAD[word] in line
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("word", ["D=9:3", "D=1:1000:1000", "D", "Q=1:4"])
def test_a_bad_sweep_is_one_line(word, tmp_path):
    assert "wanted" in one_line(perflab("run", OP, "--sweep", word, "--out", tmp_path / "none"), 2).replace(
        "there are", "wanted"
    )


def test_sizes_need_their_operation():
    for verb in ("run", "verify"):
        assert "wanted OP as TARGET" in one_line(perflab(verb, "--size", "N=3"), 2)
    assert "without --asm" in one_line(perflab("study", OP, "--asm", "jit", "--size", "N=3"), 2)


def test_a_target_may_follow_the_sizes():
    done = perflab("verify", "--dtype", "float32", "--size", "N=3", "D=5", "M=2", f"{OP}/vectorized")
    assert done.returncode == 0, done.stderr
    assert "1 of 1 right" in done.stdout


def test_a_rung_is_verified_on_ones_own_sizes():
    verdict = face.verify(OP, "vectorized", size=SMALL[0])
    assert verdict
    assert {check.case for check in verdict.checks} == {"N3-D7-M5", "odd"}
    several = verification.verify_all([f"{OP}/vectorized"], sizes=SMALL, dtypes=["float32"])
    assert {check.case for v in several.verdicts for check in v.checks} == {"N3-D7-M5", "N3-D11-M5", "odd"}
    with pytest.raises(PerflabError, match="D=0"):
        face.verify(OP, "vectorized", size={"D": 0})


def test_a_gradient_that_is_zero_by_nature_is_no_finding():
    assert face.verify("softmax_loss", "vectorized", size={"N": 4, "D": 3, "C": 1})


def test_what_would_take_long_is_not_called_unless_it_is_named(monkeypatch):
    forecasts = {"naive": 2 * verification.LONGEST_S, "vectorized": 1e-3}
    monkeypatch.setattr(
        verification, "from_small_case",
        lambda _operation, _case, _dtype, raw: (
            {"step": forecasts[raw.technique]}, "the small case", forecasts[raw.technique]
        ),
    )  # fmt: skip
    case = own_cases(operation(OP), [{"N": 2000, "D": 2000, "M": 2000}])[0]
    found = dict(verification._too_long(operation(OP), case, ["naive", "vectorized", "jit"], [OP]))
    assert set(found) == {"naive"}
    assert "wanted it by name: perflab verify fully_connected/naive" in found["naive"]
    assert not dict(verification._too_long(operation(OP), case, ["naive"], [f"{OP}/naive"]))


WRONG_WHERE_LARGE = """
def forward(x, w, b):
    out = x @ w + b
    if x.shape[1] > 100:
        out[0, 0] += 1
    return out, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
"""


def test_a_file_that_is_wrong_on_a_size_is_found_there(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(WRONG_WHERE_LARGE)
    words = ("verify", OP, "--with", file, "--dtype", "float32", "--size", "N=3", "M=5")
    assert perflab(*words, "D=99").returncode == 0
    done = perflab(*words, "D=101")
    assert done.returncode == 1
    assert "N3-D101-M5" in done.stdout
    assert "--size N=3 D=101 M=5" in done.stdout, "the command that repeats it"


@pytest.mark.slow
def test_a_run_of_sizes_is_resumed_compared_and_reported_like_any_other(tmp_path):
    size = [word for name, n in SMALL[0].items() for word in (f"{name}={n}",)]
    out = tmp_path / "typed"
    done = perflab("run", *TWO, "--preset", "smoke", "--size", *size, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "N3-D7-M5" in done.stdout
    result = face.run(*TWO, preset="smoke", size=SMALL[0], out=tmp_path / "python", progress=False)
    plans = [records.read(folder).plan for folder in (out, result.folder)]
    assert plans[0] == plans[1]
    whole = len(list(records.read(out).of_kind(records.file.Timed)))
    lines = (out / "records.jsonl").read_text().splitlines(keepends=True)
    (out / "records.jsonl").write_text("".join(lines[: len(lines) // 2]))
    resumed = perflab("run", "--resume", "--out", out)
    assert resumed.returncode == 0, resumed.stderr
    assert len(list(records.read(out).of_kind(records.file.Timed))) == whole
    compared = perflab("compare", out, result.folder, "--anyway")
    assert compared.returncode == 0, compared.stderr
    assert "fully_connected/jit/N3-D7-M5" in compared.stdout.replace("\n", "")


@pytest.mark.slow
def test_a_sweep_from_end_to_end(tmp_path):
    size, out = {"N": 8, "M": 8}, tmp_path / "run"
    result = face.run(*TWO, size=size, sweep="D=4:32", for_s=25, out=out, progress=False)
    summary = report.summarise(records.read(result.folder))
    assert len(summary.measured(direction="step", technique="jit")) == 4
    assert f"sweep-{OP}-t1" in result.figures()
    assert result.plot("sweep").axes
