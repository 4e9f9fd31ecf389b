"""The board: saved runs of this machine as one ranking, by ratios over a baseline of each run's own."""

import json

import pytest

from perflab import records
from perflab.catalog.cases import describe
from perflab.contract import PerflabError
from perflab.report.across import board
from perflab.run import presets

HERE = {"cpu": "A", "numpy": "2.1"}
SECONDS = {"vectorized": 0.010, "jit": 0.020, "mine": 0.005}
VECTORIZED = '"""As it is."""\n'


def saved(
    folder, name, started, seconds, *, text="mine = 1\n", vectorized=VECTORIZED, environment=HERE,
    cases=("tiny", "large"), directions=None, failure=None, fit=True, turns=8, peers=(), dtypes=("float32",),
):  # fmt: skip
    """A run of fully_connected that took these seconds a call: the larger the case, the longer."""
    built_in = ("naive", "vectorized", "jit")
    outside = {f"fully_connected/{t}": f"/{t}.py" for t in seconds if t not in built_in and t not in peers}
    made = presets.make(
        {"fully_connected": tuple(seconds)}, "quick", cases=cases, dtypes=dtypes, outside=outside,
        homes={peer: peer for peer in peers},
    )  # fmt: skip
    run = folder / name
    fitness = {"state": "fit" if fit else "unfit", "reasons": []}
    records.begin(run, made, describe(made), environment, fitness)
    header, *rest = (run / records.RECORDS).read_text("utf-8").splitlines()
    header = json.dumps(json.loads(header) | {"started": started})
    (run / records.RECORDS).write_text("\n".join([header, *rest]) + "\n", "utf-8")
    writer = records.Writer(run)
    for technique in seconds:
        known = {"mine": text, "vectorized": vectorized}.get(technique, f'"""{technique}."""\n')
        who = {"operation": "fully_connected", "technique": technique}
        writer.append("source", **who, name=f"fully_connected/{technique}.py", text=known)
    for technique, took in seconds.items():
        for case in cases:
            for dtype in dtypes:
                who = {"operation": "fully_connected", "technique": technique, "case": case, "dtype": dtype}
                at = who | {"threads": 1, "process": 0}
                if failure and technique == "mine":
                    writer.append("failure", **at, reason=failure)
                    continue
                for direction in directions or made.directions:
                    for turn in range(turns):
                        block = {"direction": direction, "pass": turn, "iterations": 1, "rounds_s": [took]}
                        writer.append("block", **at, **block, after="same bits")
    writer.close()
    return run


def ranking_of(folder, *targets, **asked):
    return board.board(folder, targets or ("fully_connected",), here=HERE, **asked)


def ranks(group):
    return [(entry.rank, entry.name, entry.kind) for entry in group.entries]


DAY = 86_400.0


def test_runs_are_ranked_by_ratios_of_their_own(tmp_path):
    saved(tmp_path, "first", 1 * DAY, SECONDS)
    # the machine has become twice as slow: the ratio tells what the time does not
    saved(tmp_path, "second", 2 * DAY, {"vectorized": 0.020, "theirs": 0.008})
    (group,) = ranking_of(tmp_path).groups
    assert (group.case, group.dtype, group.direction, group.threads, group.baseline) == (
        "large", "float32", "step", 1, "vectorized",
    )  # fmt: skip
    assert ranks(group) == [
        (1, "theirs", "own"),
        (2, "mine", "own"),
        (3, "vectorized", "rung"),
        (4, "jit", "rung"),
    ]
    assert [round(entry.ratio.value, 3) for entry in group.entries] == [2.5, 2.0, 1.0, 0.5]
    assert group.entries[0].seconds > group.entries[1].seconds
    assert {entry.run for entry in group.entries} == {"first", "second"}


def test_the_newest_run_of_a_text_counts_and_another_text_is_another_entry(tmp_path):
    saved(tmp_path, "a", 1 * DAY, SECONDS | {"mine": 0.009})
    saved(tmp_path, "b", 2 * DAY, SECONDS | {"mine": 0.008})
    saved(tmp_path, "c", 3 * DAY, SECONDS | {"mine": 0.002}, text="mine = 2\n")
    saved(tmp_path, "d", 3 * DAY + 9, SECONDS | {"mine": 0.001}, text="mine = 3\n")
    (group,) = ranking_of(tmp_path).groups
    mine = [entry for entry in group.entries if entry.technique == "mine"]
    assert [(entry.name, entry.run, entry.newest) for entry in mine] == [
        ("mine", "d", True),
        (f"mine, 1970-01-04 {mine[1].text}", "c", False),
        ("mine, 1970-01-03", "b", False),
    ]
    assert len(mine[1].text) == 8, "where two texts have one day, a digest distinguishes them"
    assert [entry.run for entry in group.entries if entry.technique == "jit"] == ["d"]


def test_what_cannot_be_told_apart_shares_a_rank(tmp_path):
    seconds = {"vectorized": 0.010, "jit": 0.002, "mine": 0.005}
    saved(tmp_path, "a", 1 * DAY, seconds)
    saved(tmp_path, "b", 2 * DAY, {"vectorized": 0.010, "theirs": 0.0051})
    lines = (tmp_path / "b" / records.RECORDS).read_text("utf-8").splitlines()
    shaken = [json.loads(line) for line in lines]
    for record in shaken:
        if record["kind"] == "block" and record["technique"] == "theirs":
            record["rounds_s"] = [0.0051 * (1 + 0.1 * (record["pass"] % 3 - 1))]
    (tmp_path / "b" / records.RECORDS).write_text("".join(json.dumps(r) + "\n" for r in shaken), "utf-8")
    result = ranking_of(tmp_path)
    (group,) = result.groups
    assert [(rank, name) for rank, name, _ in ranks(group)] == [
        (1, "jit"), (2, "mine"), (2, "theirs"), (4, "vectorized"),
    ]  # fmt: skip
    (table,) = board.tables(result)
    assert [row[0] for row in table.rows] == ["1", "=2", "=2", "4"]


def test_too_few_turns_have_no_rank(tmp_path):
    saved(tmp_path, "a", DAY, SECONDS, turns=3)
    result = ranking_of(tmp_path)
    assert [entry.rank for entry in result.groups[0].entries if entry.technique != "vectorized"] == [
        None,
        None,
    ]
    assert any(line.startswith("– has fewer than six pairs") for line in board.closing(result))


def test_what_was_measured_over_another_text_of_the_baseline_is_out(tmp_path):
    saved(tmp_path, "old", 1 * DAY, SECONDS | {"theirs": 0.001}, vectorized="slower = 1\n")
    saved(tmp_path, "new", 2 * DAY, SECONDS)
    result = ranking_of(tmp_path)
    assert "theirs" not in [entry.technique for entry in result.groups[0].entries]
    (out,) = [out for out in result.out if out.name == "theirs"]
    assert out.reason == "measured over another text of vectorized than the newest run's"


def test_naive_is_the_baseline_where_vectorized_was_not_measured(tmp_path):
    saved(tmp_path, "a", DAY, {"naive": 1.0, "mine": 0.1})
    (group,) = ranking_of(tmp_path).groups
    assert group.baseline == "naive"
    assert ranks(group) == [(1, "mine", "own"), (2, "naive", "rung")]


def test_failures_have_no_number(tmp_path):
    saved(tmp_path, "a", 1 * DAY, SECONDS)
    saved(tmp_path, "b", 2 * DAY, SECONDS, failure="wrong: dw[0, 1]")
    saved(tmp_path, "c", 3 * DAY, SECONDS, failure="it raised: KeyError", text="mine = 2\n")
    result = ranking_of(tmp_path)
    assert "mine" not in [entry.technique for entry in result.groups[0].entries]
    assert [(out.name, out.run, out.reason) for out in result.out] == [("mine", "b", "wrong: dw[0, 1]")]
    saved(tmp_path, "d", 4 * DAY, SECONDS)
    assert [entry.run for entry in ranking_of(tmp_path).groups[0].entries if entry.technique == "mine"] == [
        "d"
    ]


def test_a_file_that_only_failed_is_out_with_its_reason(tmp_path):
    saved(tmp_path, "a", 1 * DAY, SECONDS, failure="wrong: dw[0, 1]")
    result = ranking_of(tmp_path)
    assert "not ranked: fully_connected/mine (a): wrong: dw[0, 1]" in board.closing(result)


def test_an_unfit_machines_figures_are_not_ranked(tmp_path):
    saved(tmp_path, "a", 1 * DAY, SECONDS, fit=False)
    result = ranking_of(tmp_path)
    assert not result.groups
    assert [(out.name, out.reason) for out in result.out] == [("mine", "the machine was unfit to measure")]


def test_other_machines_and_broken_runs_are_named_and_not_counted(tmp_path):
    saved(tmp_path, "here", 1 * DAY, SECONDS)
    saved(tmp_path, "elsewhere", 2 * DAY, SECONDS | {"jit": 1e-6}, environment=HERE | {"cpu": "B"})
    saved(tmp_path, "unknown", 2 * DAY, SECONDS | {"jit": 1e-6}, environment={})
    torn = saved(tmp_path, "torn", 2 * DAY, SECONDS | {"jit": 1e-6})
    with (torn / records.RECORDS).open("a") as file:
        file.write('{"kind": "blo')
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / records.RECORDS).write_text("not JSON\n")
    (tmp_path / "no run").mkdir()
    result = ranking_of(tmp_path)
    assert result.runs == 1
    assert result.elsewhere == {
        "elsewhere": "cpu: 'B' against 'A'",
        "unknown": "its environment is not known",
    }
    assert result.skipped["torn"] == "its last line was cut short"
    assert result.skipped["broken"].startswith("not a perflab run")
    lines = list(board.closing(result))
    assert any(line.startswith("runs of other machines, not counted: elsewhere, unknown") for line in lines)
    assert any(line.startswith("runs skipped: broken: not a perflab run") for line in lines)


def test_a_peer_is_marked_as_one(tmp_path):
    saved(tmp_path, "a", DAY, SECONDS | {"torch": 0.003}, peers=("torch",))
    assert (1, "torch", "peer") in ranks(ranking_of(tmp_path).groups[0])


def test_what_is_shown_can_be_chosen_and_prefers_where_ones_own_was_measured(tmp_path):
    rungs = {"vectorized": 0.010, "jit": 0.020}
    saved(tmp_path, "a", 1 * DAY, rungs, cases=("tiny", "medium", "large"), dtypes=("float32", "float64"))
    assert [group.case for group in ranking_of(tmp_path).groups] == ["large"]
    saved(tmp_path, "b", 2 * DAY, SECONDS, cases=("tiny", "medium"), directions=("forward", "backward"))
    (group,) = ranking_of(tmp_path).groups
    assert (group.case, group.direction) == ("medium", "backward")
    (group,) = ranking_of(tmp_path, cases=["large"], dtype="float64", direction="forward").groups
    assert (group.case, group.dtype, group.direction) == ("large", "float64", "forward")
    reasons = [out.reason for out in ranking_of(tmp_path, cases=["large"]).out if out.name == "mine"]
    assert reasons == ["measured on tiny, medium; float32; forward, backward only"]
    every = ranking_of(tmp_path, cases=["all"], direction="forward").groups
    assert [group.case for group in every] == ["tiny", "medium", "large"]


def test_a_target_narrows_what_is_shown_and_keeps_its_rank(tmp_path):
    saved(tmp_path, "a", DAY, SECONDS)
    (group,) = ranking_of(tmp_path, "fully_connected/jit").groups
    assert ranks(group) == [(3, "jit", "rung")]


@pytest.mark.parametrize(
    ("targets", "asked", "message"),
    [
        (["no_such"], {}, "no_such: unknown operation"),
        (
            ["fully_connected/no_such"],
            {},
            "no run of this machine measured it; there are jit, mine, vec",
        ),
        (["fully_connected"], {"cases": ["no_such"]}, "no_such: no run of this machine measured this case"),
        ([], {"dtype": "all"}, "all: unknown dtype"),
        ([], {"direction": "all"}, "all: unknown direction"),
    ],
)
def test_what_is_not_there_is_refused_by_name(tmp_path, targets, asked, message):
    saved(tmp_path, "a", DAY, SECONDS)
    with pytest.raises(PerflabError, match=message) as caught:
        ranking_of(tmp_path, *targets, **asked)
    assert "\n" not in str(caught.value)


def test_without_runs_it_says_what_is_wanted(tmp_path):
    with pytest.raises(PerflabError, match="no saved run in it; wanted"):
        ranking_of(tmp_path)


def test_a_table_keeps_the_newest_of_ones_own_beyond_its_first_entries(tmp_path):
    saved(tmp_path, "a", DAY, SECONDS | {"slow": 0.1})
    result = ranking_of(tmp_path)
    (table,) = board.tables(result, most=1)
    assert [row[1] for row in table.rows] == ["mine", "slow"]
    assert table.title == "fully_connected on large, step, float32, 1 thread; 2 more entries are not shown"
    assert len({len(row) for row in (*table.rows, table.head)}) == 1


def test_whose_work_a_file_calls_stands_beside_it(tmp_path):
    who = {"operation": "fully_connected", "technique": "mine", "case": "large", "dtype": "float32"}
    writer = records.Writer(saved(tmp_path, "a", DAY, SECONDS))
    said = {"status": "right", "where": "out[0, 0]", "share": 0.1, "calls": ["perflab's packed", "torch"]}
    writer.append("verdict", **who, threads=1, process=0, **said)
    writer.close()
    result = ranking_of(tmp_path)
    (table,) = board.tables(result)
    assert {row[1]: row[2] for row in table.rows} == {
        "mine": "own, calls perflab's packed, torch", "vectorized": "rung", "jit": "rung",
    }  # fmt: skip
    assert board.to_json(result)["rows"][0]["calls"] == ["perflab's packed", "torch"]


def test_rows_are_plain_json(tmp_path):
    saved(tmp_path, "a", DAY, SECONDS)
    board_json = board.to_json(ranking_of(tmp_path))
    assert json.loads(json.dumps(board_json, allow_nan=False)) == board_json
    first = board_json["rows"][0]
    assert (first["operation"], first["rank"], first["name"], first["kind"]) == (
        "fully_connected",
        1,
        "mine",
        "own",
    )
    assert first["ratio_value"] == pytest.approx(2.0)
