"""Mutated records and benchmark files through `report` and `compare`: a line or a result, no traceback."""

import json
import random
import shutil

import pytest
from test_saved_records import CASES, VALUES

from perflab import cli
from perflab.report import figures

QUICK, WHOLE = 10, 150
RUNS = [CASES / name for name in ("csv-technique", "schema-1")]
BENCHMARKS = CASES / "csv-technique" / "benchmark.json"
MORE = (
    *VALUES,
    "×" * 999,
    "a/b",
    "../..",
    "1e5",
    -0.0,
    10**40,
    [[0]] * 9,
    {"": None},
    {"stats": {"data": [1]}},
)


def place(value, rng):
    """An object or a list somewhere in a value, and one of its keys."""
    while True:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = rng.choice(keys)
        inner = value[key]
        if not isinstance(inner, (dict, list)) or not inner or rng.random() < 0.15:
            return value, key
        value = inner


def changed(document, rng):
    """A document of which one to three values were changed, removed, doubled, or exchanged."""
    document = json.loads(json.dumps(document))
    for _ in range(rng.choice((1, 1, 2, 3))):
        owner, key = place(document, rng)
        kind = rng.randrange(4)
        if kind == 0:
            del owner[key]
        elif kind == 1 and isinstance(owner, list):
            owner.insert(key, owner[key])
        elif kind == 2 and isinstance(owner, dict):
            owner[rng.choice([*owner])] = owner[key]
        else:
            owner[key] = rng.choice(MORE)
        if not document:
            break
    return document


def damaged(content, rng):
    """Bytes of which some were changed, removed, put in or cut off."""
    content = bytearray(content)
    at = rng.randrange(len(content))
    kind = rng.randrange(5)
    if kind == 0:
        del content[at:]
    elif kind == 1:
        del content[at : at + rng.randrange(1, 200)]
    elif kind == 2:
        put_in = b"\0", b"\n", b"\r\n", b"{", b"[" * 4000, b"\xff\xfe", b"\xef\xbb\xbf", b"NaN"
        content[at:at] = rng.choice(put_in)
    else:
        for position in rng.sample(range(len(content)), rng.choice((1, 3, 20))):
            content[position] = rng.randrange(256)
    return bytes(content)


def lines_changed(content, rng):
    """JSON lines of which one was changed, removed, doubled, or put elsewhere."""
    lines = content.splitlines(keepends=True)
    at = rng.randrange(len(lines)) if rng.random() < 0.8 else 0
    kind = rng.randrange(8)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(rng.randrange(len(lines)), lines[at])
    elif kind == 2:
        lines.insert(rng.randrange(len(lines)), lines.pop(at))
    else:
        lines[at] = json.dumps(changed(json.loads(lines[at]), rng)).encode() + b"\n"
    return b"".join(lines)


def command(words, capsys, seed):
    """Run a command; it gives a known exit code, and one line where that is 2 without a result."""
    try:
        code = cli.main([str(word) for word in words])
    except BaseException as error:  # what would be a traceback
        raise AssertionError(f"seed {seed}: {words[0]}: {error!r}") from error
    told = capsys.readouterr()
    assert code in (0, 1, 2, 3), seed
    assert "Traceback" not in told.out + told.err, seed
    if code == 2 and not told.out:
        assert len(told.err.splitlines()) == 1, (seed, told.err)
    return code


def mutated_run(seed, tmp_path):
    rng = random.Random(seed)
    case = rng.choice(RUNS)
    folder = tmp_path / f"{seed}"
    shutil.copytree(case, folder)
    names = ["records.jsonl"] * 5 + ["environment.json"] * (folder / "environment.json").exists()
    file = folder / rng.choice(names)
    content = file.read_bytes()
    if rng.random() < 0.3:
        content = damaged(content, rng)
    elif file.suffix == ".jsonl":
        content = lines_changed(content, rng)
    else:
        content = json.dumps(changed(json.loads(content), rng)).encode()
    file.write_bytes(content)
    return case, folder


def mutated_benchmarks(seed, tmp_path):
    rng = random.Random(seed)
    content = BENCHMARKS.read_bytes()
    file = tmp_path / f"{seed}.json"
    if rng.random() < 0.3:
        content = damaged(content, rng)
    else:
        content = json.dumps(changed(json.loads(content), rng)).encode()
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("count", [QUICK, pytest.param(WHOLE, marks=pytest.mark.slow)])
def test_mutated_records(count, tmp_path, capsys, monkeypatch):
    planned, codes = figures._planned, []
    for seed in range(count):
        # Drawing takes most of a report's time: every tenth report has figures.
        monkeypatch.setattr(figures, "_planned", planned if seed % 10 == 0 else lambda _: iter(()))
        case, folder = mutated_run(seed, tmp_path)
        codes += [command(["report", folder], capsys, seed), command(["compare", case, folder], capsys, seed)]
        command(["compare", folder, case, "--anyway", "--json"], capsys, seed)
        shutil.rmtree(folder)
    assert {0, 2} <= {*codes}, "some are refused, some harmless"


@pytest.mark.parametrize("count", [QUICK, pytest.param(WHOLE, marks=pytest.mark.slow)])
def test_mutated_benchmark_files(count, tmp_path, capsys):
    codes = []
    for seed in range(count):
        file = mutated_benchmarks(seed, tmp_path)
        codes += [
            command(["compare", BENCHMARKS, file], capsys, seed),
            command(["report", file], capsys, seed),
        ]
        command(
            ["compare", file, BENCHMARKS, "--anyway", "--all", "--html", tmp_path / "c.html"], capsys, seed
        )
    assert {0, 2} <= {*codes}, "some are refused, some harmless"
