"""A race is judged from outside: no way to get a false time is left, and each is told as what it is."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from conftest import perflab_process, slow_but

from perflab import catalog
from perflab.contract import Cost
from perflab.machine import family, process
from perflab.machine.arena import Arena, layout
from perflab.records.ledger import Ledger
from perflab.records.roof import Arithmetic, Ceilings, Measured, Rate, Traffic
from perflab.run.referee import floor
from perflab.run.referee.contents import Contents
from perflab.run.referee.elsewhere import Elsewhere
from perflab.run.referee.findings import Rejected, Shown
from perflab.run.referee.guest import Guest
from perflab.run.referee.outsider import Outsider
from perflab.run.stage import Stage

ODD = Path(__file__).parents[1] / "oracle" / "odd"
RACED = Path(__file__).parents[1] / "oracle" / "raced"
OPERATION, BLOCK_S = "fully_connected", 0.01
DIRECTIONS = ("forward", "backward", "step")
# What is told of each; None where its time is true all the same, since what it tries has no effect here.
TOLD = {
    "answers_late": ("it computes when its results are read", "it does not make the calls that it is asked "),
    "borrowed": None,
    "closes": "it ended its process with exit status ",
    "counts_only": "out[",
    "crashes_later": "its process died: SIGSEGV",
    "double": "out: float64; wanted float32, the dtype of the inputs",
    "finished_forge": "it wrote into the pipe of its own results",
    "floods": "it printed ",
    "frames": "out[",
    "half_precision": "out[",
    "hangs_later": "it gave no answer for 3 s",
    "itimer": "it raised RuntimeError: tick",
    "last_answer": ("out[", "it looks answers up: "),
    "lazy_array2": "it returned a Lazy; wanted a NumPy array or number",
    "lazy_tuple": "forward returned a Lazy; wanted out and cache",
    "leaks_timed": "it keeps memory from call to call until none is left: ",
    "matrix": "it returned a matrix; wanted a NumPy array or number",
    "noexcept_exit": "it raised KeyboardInterrupt: me",
    "part": "out[",
    "patch_class": "out[",
    "patch_stats": None,
    "pytest_exit": "it raised Skipped: do not look",
    "reuses_two": "a later call changed what an earlier one had returned",
    "seed_known": None,
    "sees_dout": None,
    "slow_lookup": ("out[", "it looks answers up: "),
    "swaps_code": "out[",
    "thread": None,
    "threads_two": "cores at once where 1 thread was given",
    "writes_late": "it wrote to its inputs",
    "zombies": " ended processes behind",
}
OF_A_RUN = {
    "kills_parent": "its process died: SIGKILL",
    "rewrites_records": "it wrote to the records of the run",
    "self_changing": "its file changed",
}


def raced(file, case="digits", dtype="float32", passes=3, directions=DIRECTIONS, limit_s=30.0):
    """The contender after its blocks, or the reason why it has no time."""
    described = catalog.operation(OPERATION)
    stage = Stage(described, described.cases[case], dtype, arena=Arena())
    guest = Guest(stage.arena, 1, limit_s)
    try:
        guest.load(str(file), OPERATION, file.stem, 1 << 30)
        column = catalog.elsewhere(OPERATION, file.stem, str(file))
        contender = Outsider(stage, column, guest=guest)
        contender.enter()
        stage.enter(contender)
        contender.check_other_contents()
        for _ in range(passes):
            for direction in directions:
                turn = contender.turn(direction, BLOCK_S)
                with turn.on_one_core(1):
                    for _ in range(turn.rounds):
                        turn.between()
                        turn.play()
                    turn.check(())
                contender.last = turn
        return contender
    except Rejected as why:
        return str(why)
    finally:
        guest.close()
        stage.arena.close()


def test_every_file_is_held_to_something():
    assert {path.stem for path in RACED.glob("*.py")} == TOLD.keys() | OF_A_RUN.keys()


@pytest.mark.parametrize("name", slow_but({"lazy_tuple", "frames", "pytest_exit"}, TOLD))
def test_a_cheat_gets_no_time_and_is_told_as_what_it_is(name):
    found = raced(RACED / f"{name}.py", "medium" if name == "threads_two" else "digits", limit_s=3.0)
    told = TOLD[name]
    if told is None:
        assert isinstance(found, Outsider), found
    elif name == "threads_two" and isinstance(found, Outsider):  # another program held the other core
        assert median(found.shown["forward"].cores) < 1.5
    elif name == "slow_lookup" and isinstance(found, Outsider):  # too much noise for an interval
        assert median(found.shown["forward"].seen) > 0.5
    else:
        assert isinstance(found, str), f"{name} was given a time"
        assert any(each in found for each in ((told,) if isinstance(told, str) else told)), found


@pytest.mark.parametrize("name", slow_but({"transposed"}, sorted(path.stem for path in ODD.glob("*.py"))))
def test_an_honest_but_odd_file_is_accused_of_nothing(name):
    found = raced(ODD / f"{name}.py", "tiny" if name == "slow" else "digits")
    assert isinstance(found, Outsider), found


def test_what_a_file_calls_of_others_is_named():
    assert raced(RACED / "borrowed.py", "tiny", passes=1).borrowed == ("perflab's vectorized",)


def test_a_block_of_an_honest_file_says_how_it_was_judged():
    contender = raced(RACED / "patch_stats.py", "tiny", passes=1)
    turn = contender.last
    assert turn.fields["seeds"] == (contender.pool_seed, turn.contents.seed)
    assert 0 < turn.fields["way_s"] < 0.1
    assert turn.count > 1
    assert contender.share <= 1


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_built_in_technique_is_raced_in_the_same_way(direction):
    described = catalog.operation(OPERATION)
    stage = Stage(described, described.cases["tiny"], "float32", arena=Arena())
    guest = Guest(stage.arena, 1, 30.0)
    try:
        contenders = []
        for technique in ("vectorized", "in_place"):
            column = OPERATION, technique, None
            contender = Elsewhere(stage, catalog.raw(OPERATION, technique), guest=guest, column=column)
            contender.enter()
            contenders.append(stage.enter(contender))
        for contender in contenders:
            turn = contender.turn(direction, 0.02)
            seen = []
            for _ in range(turn.rounds):
                turn.between()
                seen.append(stage.args[0].tobytes())
                turn.play()
            assert len(set(seen)) == turn.rounds > 1, "the contents change in place between rounds"
            assert turn.count > 1, "short calls take turns on several sets"
            assert turn.iterations == turn.count * turn.turns
            assert turn.check(()) == "same bits"
            assert stage.untouched(), "those of the last round are the verified ones"
    finally:
        guest.close()
        stage.arena.close()


def test_contents_are_new_in_every_round_and_can_be_made_again():
    pool = [np.arange(12.0).reshape(3, 4), np.arange(5.0), np.zeros(1), np.zeros((0, 3))]
    contents = Contents(pool, 5)
    rolled = contents.draw()
    assert rolled == Contents(pool, 5).draw()
    assert rolled != contents.draw()
    arrays = [np.empty_like(array) for array in pool]
    contents.fill(arrays, rolled)
    for array, again, whole in zip(arrays, contents.arrays(rolled), pool, strict=True):
        assert np.array_equal(array, again)
        assert np.array_equal(np.sort(array, None), np.sort(whole, None))
    assert not np.array_equal(arrays[0], pool[0])


def test_arrays_of_an_arena_are_the_same_memory_for_whoever_has_its_path():
    arena = Arena()
    places = layout([("float32", (3, 4)), ("int64", (5,))])
    ours, theirs = arena.arrays(places), Arena(arena.path).arrays(places)
    ours[0][1, 2], ours[1][4] = 7.0, 9
    assert theirs[0][1, 2] == 7.0
    assert theirs[1][4] == 9
    arena.close()


def shown(**fields):
    return Shown(**{"threads": 1, **fields}).finding("forward")


def test_a_finding_needs_an_interval():
    assert shown(seen=[0.3] * 5) == ""
    assert shown(seen=[0.3] * 6) == (
        "it looks answers up: forward on new contents takes 3.3 times as long as on seen ones"
    )
    assert shown(seen=[0.3, 0.9, 1.1, 0.4, 1.0, 0.9, 0.8]) == ""
    assert shown(seen=[0.0] * 6).endswith("takes more than 50 times as long as on seen ones")


def test_each_finding_is_a_sentence():
    assert shown(cores=[1.9] * 6) == "it computes on 1.9 cores at once where 1 thread was given"
    assert shown(cores=[1.9] * 6, threads=2) == ""
    assert shown(read_s=[(0.01, 0.001)] * 6) == (
        "it computes when its results are read: the first reading takes 10 times as long as the second"
    )
    assert shown(kept=[2**20] * 6, grown=2**30) == "it keeps 1 MiB a call"
    assert shown(kept=[2**20] * 6, grown=2**20) == ""
    assert shown(ended=100) == "it leaves 100 ended processes behind"


def test_what_is_written_to_the_records_is_undone(tmp_path):
    file = tmp_path / "records.jsonl"
    file.write_bytes(b"one\n")
    ledger = Ledger(tmp_path)
    assert not ledger.mended()
    with file.open("ab") as appended:
        appended.write(b"two\n")
    ledger.look()
    assert not ledger.mended()
    file.write_bytes(b"ONE\ntwo\n")
    assert ledger.mended()
    assert file.read_bytes() == b"one\ntwo\n"
    file.unlink()
    assert ledger.mended()
    assert file.read_bytes() == b"one\ntwo\n"
    assert not ledger.mended()


LIMITS = Ceilings(
    (Measured(1, (Arithmetic("float32", Rate(100.0), Rate(90.0)),), (Traffic(1 << 20, Rate(50.0)),)),)
)


@pytest.mark.parametrize(
    ("operation", "cost", "possible_s", "told"),
    [
        (
            "mlp",
            Cost(15 * 10**8, 1000),
            0.0101,
            "at 1.5 times the measured peak its arithmetic needs 10.0 ms",
        ),
        (
            "conv2d",
            Cost(6 * 10**9, 1000),
            0.0101,
            "at 6 times the measured peak its arithmetic needs 10.0 ms",
        ),
        ("mlp", Cost(10, 75 * 10**7), 0.0101, "at 1.5 times the measured bandwidth its bytes need 10.0 ms"),
    ],
)
def test_a_time_below_what_the_machine_can_do_gets_no_number(operation, cost, possible_s, told):
    assert floor.below(LIMITS, operation, cost, "float32", 1, possible_s) == ""
    assert floor.below(LIMITS, operation, cost, "float32", 1, 0.9e-2) == f"9.00 ms a call cannot be: {told}"
    assert floor.below(Ceilings(()), operation, cost, "float32", 1, 1e-9) == "", "nothing was measured"


def test_a_process_is_measured_with_those_that_it_started():
    end = "os.waitid(os.P_PID, os.fork() or os._exit(0), os.WEXITED | os.WNOWAIT)"
    code = f"import os, time; [{end} for _ in range(3)]; print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        try:
            child.stdout.readline()
            assert len(list(family.descendants(child.pid))) == 3
            assert family.ended(child.pid) == 3
            assert family.processor_s(child.pid) > 0
            assert family.resident_bytes(child.pid) > 1 << 20
        finally:
            child.kill()
    assert family.processor_s(child.pid) == 0


def test_several_messages_are_whole_after_each_other(tmp_path):
    with (tmp_path / "pipe").open("w+b") as file:
        messages = process.Messages(file, file)
        messages.send(b"first", b"", b"third")
        file.seek(0)
        assert [messages.receive() for _ in range(3)] == [b"first", b"", b"third"]


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_A_RUN)
def test_a_run_goes_on_without_what_attacks_it(name, tmp_path):
    file, right = tmp_path / f"{name}.py", tmp_path / "right.py"
    file.write_text((RACED / f"{name}.py").read_text())
    right.write_text((RACED / "patch_stats.py").read_text())
    words = ("--preset", "smoke", "--with", file, right, "--out", tmp_path / "run")
    done = perflab_process("run", f"{OPERATION}/vectorized", *words)
    assert done.returncode == 1, done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    lines = (tmp_path / "run" / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    reasons = [r["reason"] for r in records if r["kind"] == "failure" and r["technique"] == name]
    assert any(OF_A_RUN[name] in reason for reason in reasons), reasons
    timed = [(r["technique"], r["case"], r["direction"]) for r in records if r["kind"] == "block"]
    assert timed.count(("right", "digits", "forward")) == 6
