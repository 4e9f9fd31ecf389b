"""A race is judged from outside: no way to get a false time is left, and each is told as what it is."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import CHEATS, perflab_process

from perflab import catalog
from perflab.contract import Cost
from perflab.machine import family, process
from perflab.machine.arena import Arena, layout
from perflab.records.ledger import Ledger
from perflab.records.roof import Arithmetic, Ceilings, Measured, Rate, Traffic
from perflab.run.referee import corpus, floor
from perflab.run.referee.contents import Contents
from perflab.run.referee.elsewhere import Elsewhere
from perflab.run.referee.findings import Left, Shown
from perflab.run.referee.guest import Guest
from perflab.run.referee.outsider import Outsider
from perflab.run.referee.rounds import changes_of, play_changing
from perflab.run.stage import Stage

HONEST = CHEATS.parent / "honest"
OPERATION, BLOCK_S = "fully_connected", 0.01
DIRECTIONS = ("forward", "backward", "step")
OF_A_RUN = ("kills_parent", "rewrites_records", "self_changing")  # which attack what is around a race


def raced(file):
    """The contender after a block of each direction."""
    described = catalog.operation(OPERATION)
    stage = Stage(described, described.cases["tiny"], "float32", arena=Arena())
    guest = Guest(stage.arena, 1, 30.0)
    try:
        guest.load(str(file), OPERATION, file.stem, 1 << 30)
        column = catalog.elsewhere(OPERATION, file.stem, str(file))
        contender = Outsider(stage, column, guest=guest)
        contender.enter()
        stage.enter(contender)
        contender.check_other_contents()
        for direction in DIRECTIONS:
            turn = contender.turn(direction, BLOCK_S)
            with turn.on_one_core(1):
                for _ in range(turn.rounds):
                    turn.between()
                    turn.play()
                turn.check(())
            contender.last = turn
        return contender
    finally:
        guest.close()
        stage.arena.close()


def test_what_a_file_calls_of_others_is_named():
    assert raced(CHEATS / "borrowed.py").borrowed == ("perflab's vectorized",)


def test_a_block_of_an_honest_file_says_how_it_was_judged():
    contender = raced(CHEATS / "patch_stats.py")
    turn = contender.last
    assert turn.fields["seeds"] == (contender.pool_seed, turn.contents.seed)
    assert 0 < turn.fields["way_s"] < 0.1
    assert turn.iterations == turn.count * turn.turns
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


def test_contents_change_between_turns_and_are_the_same_at_the_end():
    arena = Arena()
    places = layout([("float32", (3, 4)), ("float32", (5,)), ("int64", (5,))] * 3)
    arrays = arena.arrays(places)
    for number, array in enumerate(arrays):
        array[...] = number
    contents = Contents([np.ones((3, 4), np.float32), np.ones(5, np.float32), np.ones(5, int)], 1)
    assert contents.changes(range(3), 1) == []
    for turns, changing in ((2, 1), (3, 1), (9, 2)):
        before = [array.copy() for array in arrays]
        spots = contents.changes(range(3), turns)
        assert len(spots) == changing
        columns = [arena.stacked(places[at::3])[:, element] for at, element in spots]
        seen = []
        for write, value in changes_of(columns, turns):
            write(value)
            seen.append(tuple(array.tobytes() for array in arrays))
        assert play_changing([lambda: 7], changes_of(columns, turns)) == [7]
        assert len({*seen}) == turns, "no turn has the contents of another"
        assert all(map(np.array_equal, before, arrays))
    arena.close()


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
    assert shown(taken=2) == "it takes 2 cores where 1 thread was given"
    assert shown(taken=2, threads=2) == ""
    assert shown(idle_s=[4e-4] * 6) == "it computes while nothing is asked of it"
    assert shown(known=[0.1] * 6) == (
        "it knows the inputs of the case: forward on others takes 10 times as long"
    )


def test_what_is_left_behind_is_compared_with_what_was_there_at_first():
    at_first = Left(threads=90, files=20)
    assert Left(threads=100, files=30).finding(at_first) == ""
    assert Left(ended=100).finding(at_first) == "it leaves 100 ended processes behind"
    assert Left(running=100).finding(at_first) == "it leaves 100 running processes behind"
    assert Left(threads=190).finding(at_first) == "it leaves 100 threads behind"
    assert Left(files=120).finding(at_first) == "it leaves 100 files open"
    assert Left(strays=1).finding(at_first).startswith("it runs a process that is out of its group")


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
            assert family.states(child.pid).count("Z") == 3
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
    file.write_text((CHEATS / f"{name}.py").read_text())
    right.write_text((HONEST / "plain.py").read_text())
    words = ("--preset", "smoke", "--case", "digits", "--with", file, right, "--out", tmp_path / "run")
    done = perflab_process("run", f"{OPERATION}/vectorized", *words)
    assert done.returncode == 1, done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    lines = (tmp_path / "run" / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    reasons = [r["reason"] for r in records if r["kind"] == "failure" and r["technique"] == name]
    (kind,) = corpus.kinds([name])
    assert any(map(kind.is_named_by, reasons)), reasons
    timed = [(r["technique"], r["case"], r["direction"]) for r in records if r["kind"] == "block"]
    assert timed.count(("right", "digits", "forward")) == 6
