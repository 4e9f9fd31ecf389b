"""What is saved survives crashes, full disks, foreign files and second writers."""

import errno
import json

import numpy as np
import pytest

from perflab import records
from perflab.catalog import cases
from perflab.contract import NoSpaceLeft, PerflabError
from perflab.records import Block, file, kinds, typed
from perflab.run import presets


@pytest.fixture
def plan():
    return presets.make({"conv2d": ("naive", "jit")}, "smoke", cases=("tiny",))


@pytest.fixture
def folder(tmp_path, plan):
    records.begin(tmp_path / "run", plan, cases.describe(plan), {"cpu": "test"})
    return tmp_path / "run"


BLOCK = {
    "operation": "conv2d", "case": "tiny", "dtype": "float32", "threads": 1, "technique": "jit",
    "direction": "forward", "process": 0, "pass": 1, "iterations": 3, "rounds_s": [0.1, 0.2],
    "after": "same bits",
}  # fmt: skip


def write(folder, **changed):
    writer = records.Writer(folder)
    writer.append("block", **BLOCK | changed)
    writer.close()


def test_a_run_reads_back_as_it_was_written(folder, plan):
    write(folder)
    run = records.read(folder)
    assert run.plan == plan
    assert run.environment == {"cpu": "test"}
    assert [record.rounds_s for record in run.of_kind(kinds.Timed)] == [(0.1, 0.2)]
    assert not run.torn
    (block,) = run.done()
    assert Block.parse(block.name) == block


def test_a_torn_last_line_is_left_out_said_and_cut_off_before_the_next_record(folder):
    write(folder)
    with (folder / "records.jsonl").open("ab") as held:
        held.write(b'{"kind": "block", "operation": "con')
    run = records.read(folder)
    assert run.torn
    assert len(run.records) == 1
    records.mend(folder)
    write(folder, **{"pass": 2})
    run = records.read(folder)
    assert not run.torn
    assert len(run.records) == 2


def test_a_line_torn_in_the_middle_of_a_character_is_left_out(folder):
    with (folder / "records.jsonl").open("ab") as held:
        held.write('{"kind": "block", "x": "×'.encode()[:-1])
    assert records.read(folder).torn


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no whole line"),
        (b"hello\n", "not a perflab run"),
        (b'{"machine_info": {}}\n', "not a perflab run"),
        (b"[1, 2]\n", "not a perflab run"),
        (b"\x89PNG\r\n\x1a\n", "not a perflab run"),
        (b'{"kind": "run", "schema": 99}\n', "schema 99"),
        (b'{"kind": "run", "schema": 1}\n', "line 1: started is missing"),
    ],
)
def test_a_foreign_file_is_refused_in_one_line(tmp_path, content, told):
    (tmp_path / "records.jsonl").write_bytes(content)
    with pytest.raises(PerflabError, match=told) as refused:
        records.read(tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("line", [b"nonsense", b"{}", b'{"kind": "block"}', b"3"])
def test_a_broken_line_in_the_middle_is_refused(folder, line):
    write(folder)
    with (folder / "records.jsonl").open("ab") as held:
        held.write(line + b"\n")
    write(folder)
    with pytest.raises(PerflabError, match="line 3"):
        records.read(folder)


def test_a_folder_that_holds_a_run_is_not_begun_again(folder, plan):
    with pytest.raises(PerflabError, match="holds a run already"):
        records.begin(folder, plan, {}, {})


def test_a_full_disk_is_told_as_such(folder, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "records.jsonl").symlink_to("/dev/full")
    writer = records.Writer(full)
    with pytest.raises(NoSpaceLeft, match="no space left"):
        writer.append("block", **BLOCK)
    with pytest.raises(PerflabError):  # a device cannot be handed to a disk, and is closed all the same
        writer.close()


def test_any_other_error_of_the_system_names_the_path():
    told = records.full_or(OSError(errno.EACCES, "Permission denied"), "here")
    assert str(told) == "here: cannot be written: Permission denied"
    assert not isinstance(told, NoSpaceLeft)


def test_a_second_writer_is_refused(folder, monkeypatch):
    monkeypatch.setattr(file, "LOCK_WAIT_S", 0.0)
    with (
        records.lock(folder),
        pytest.raises(PerflabError, match="another perflab is running"),
        records.lock(folder),
    ):
        pass
    with records.lock(folder):
        pass


def test_a_file_system_without_locks_is_named(folder, monkeypatch):
    def acquire(*_, **__):
        raise NotImplementedError

    monkeypatch.setattr(file.FileLock, "acquire", acquire)
    with pytest.raises(PerflabError, match="cannot be locked; wanted a file system"), records.lock(folder):
        pass


def test_json_is_strict_numpy_is_plain_and_nan_is_null(folder):
    write(folder, rounds_s=(np.float32(0.5),), iterations=np.int64(3), a=float("nan"), b=[float("inf")])
    line = (folder / "records.jsonl").read_text().splitlines()[-1]
    saved = json.loads(line, parse_constant=lambda name: pytest.fail(name))
    assert (saved["rounds_s"], saved["iterations"], saved["a"], saved["b"]) == ([0.5], 3, None, [None])


def test_what_could_not_be_read_again_is_not_written(folder):
    before = (folder / "records.jsonl").read_bytes()
    writer = records.Writer(folder)
    with pytest.raises(PerflabError, match=r"rounds_s\[0\] is 0.0; wanted seconds"):
        writer.append("block", **BLOCK | {"rounds_s": [0.0]})
    writer.close()
    assert (folder / "records.jsonl").read_bytes() == before


ODD = (
    [], {}, None, True, "", "x\x1b[1m", -1, 0, 1.0, 1e30, float("nan"), float("inf"), [0.1, float("nan")],
    [True], [-0.1], [1e30], ["0.1"], [1], 10**20,
)  # fmt: skip


def told(read, *given):
    """What a reader returns, or what it says against it."""
    try:
        return read(*given)
    except typed.Wrong as wrong:
        return str(wrong)


@pytest.mark.parametrize("name", BLOCK)
def test_a_block_like_many_is_read_or_refused_as_the_first_one(name):
    """The quick way takes the second block of a contender, and nothing that is odd in it."""
    usual = {"kind": "block"} | BLOCK
    assert kinds.read_record(usual) == typed.read(kinds.Timed, usual)
    assert kinds._usual_block(usual) is not None
    lacking = {key: held for key, held in usual.items() if key != name}
    for value in (lacking, *(usual | {name: odd} for odd in ODD)):
        assert told(kinds.read_record, value) == told(typed.read, kinds.Timed, value)
