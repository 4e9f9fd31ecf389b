"""Saved records that are damaged, foreign, or hold hostile names: refused by line and field, or shown."""

import csv
import json
import random
import re
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from perflab import cli, records, report
from perflab.catalog import cases
from perflab.contract import PerflabError
from perflab.records import kinds
from perflab.run import presets

CASES = Path(__file__).parent / "cases"
DAMAGED = sorted(path.name for path in CASES.glob("damaged-*"))
HOSTILE = sorted(path.name for path in CASES.glob("*-technique"))
OLD = CASES / "schema-1"
VALUES = (
    None, True, 0, -1, 2**63, 1e308, 1e-300, float("nan"), float("inf"), "", "conv2d", "a\x1b[31m", "\ud800",
    [], [1], ["a"], {}, {"a": 1}, [[]],
)  # fmt: skip


def copy_of(case, tmp_path, change=None):
    """A copy of a case whose lines, as JSON, were changed."""
    folder = tmp_path / case.name
    shutil.copytree(case, folder)
    if change is not None:
        file = folder / "records.jsonl"
        lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        changed = change(lines) or lines
        file.write_text("".join(json.dumps(line) + "\n" for line in changed), "utf-8")
    return folder


def first(lines, kind):
    return next(line for line in lines if line["kind"] == kind)


def refusal(folder, capsys):
    """The one line that `perflab report` gives; nothing was written."""
    before = sorted(path.name for path in folder.iterdir())
    assert cli.main(["report", str(folder)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert sorted(path.name for path in folder.iterdir()) == before
    return line


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_record_is_refused_with_file_line_and_field(case, tmp_path, capsys):
    line = refusal(copy_of(CASES / case, tmp_path), capsys)
    assert re.search(r"records\.jsonl: line \d+: [\w.\[\]]+ (is .+|is missing); wanted .+", line), line


def change_of(kind, path, value=None, *, gone=False):
    def change(lines):
        *steps, last = path
        record = first(lines, kind)
        for step in steps:
            record = record[step]
        if gone:
            del record[last]
        else:
            record[last] = value

    return change


CASE = ("operations", "fully_connected", "cases", "tiny")
AT = ".".join(CASE)
SMALL_COST = (*CASE, "costs", "float32", "forward")
REFUSED = {
    "seconds that are NaN": (change_of("block", ["rounds_s", 0], float("nan")), "rounds_s[0] is nan"),
    "infinite seconds": (change_of("block", ["rounds_s", 0], float("inf")), "rounds_s[0] is inf"),
    "negative seconds": (change_of("block", ["rounds_s", 0], -1.0), "rounds_s[0] is -1.0"),
    "no seconds": (change_of("block", ["rounds_s", 0], 0), "rounds_s[0] is 0"),
    "seconds without end": (change_of("block", ["rounds_s", 0], 1e300), "rounds_s[0] is 1e+300"),
    "true as seconds": (change_of("block", ["rounds_s", 0], True), "rounds_s[0] is true"),
    "no rounds": (change_of("block", ["rounds_s"], []), "rounds_s is a list with nothing in it"),
    "rounds as text": (change_of("block", ["rounds_s"], "1.0"), 'rounds_s is "1.0"; wanted a list'),
    "a block of no plan": (change_of("block", ["technique"], "other"), 'technique is "other"; wanted one of'),
    "an operation of no plan": (change_of("block", ["operation"], "rnn"), 'operation is "rnn"'),
    "a case of no plan": (change_of("verdict", ["case"], "huge"), 'case is "huge"'),
    "a dtype of no plan": (change_of("verdict", ["dtype"], "int8"), 'dtype is "int8"'),
    "threads of no plan": (change_of("process", ["threads"], 64), "threads is 64"),
    "a direction of no plan": (change_of("block", ["direction"], "up"), 'direction is "up"'),
    "true as a number of threads": (change_of("block", ["threads"], True), "threads is true"),
    "an iteration too few": (change_of("block", ["iterations"], 0), "iterations is 0"),
    "a number of 30 digits": (change_of("block", ["pass"], 10**30), "pass is 1000"),
    "a block twice": (lambda lines: [*lines, first(lines, "block")], "pass is 0; wanted each block once"),
    "right without an error": (change_of("verdict", ["share"], None), "share is null"),
    "a negative error": (change_of("verdict", ["share"], -0.1), "share is -0.1"),
    "no status": (change_of("verdict", ["status"], gone=True), "status is missing"),
    "reasons that are text": (change_of("fitness", ["reasons"], "none"), 'reasons is "none"; wanted a list'),
    "a state that is none": (change_of("fitness", ["state"], "good"), 'state is "good"; wanted "fit" or'),
    "no ceilings": (change_of("ceilings", ["measured"], gone=True), "measured is missing"),
    "ceilings that are text": (change_of("ceilings", ["measured", 0], "x"), 'measured[0] is "x"'),
    "a ceiling of nothing": (
        change_of("ceilings", ["measured", 0, "bandwidth", 0, "read", "best"], 0),
        "measured[0].bandwidth[0].read.best is 0",
    ),
    "a kind that is none": (change_of("block", ["kind"], "blok"), 'kind is "blok"'),
    "a kind that is a list": (change_of("block", ["kind"], ["block"]), "kind is a list"),
    "a plan of nothing": (change_of("run", ["plan"], {}), "plan.preset is missing"),
    "a plan without operations": (change_of("run", ["plan", "techniques"], {}), "plan.techniques is an obj"),
    "techniques as text": (
        change_of("run", ["plan", "techniques", "fully_connected"], "naive"),
        'plan.techniques.fully_connected is "naive"',
    ),
    "a technique twice": (
        change_of("run", ["plan", "techniques", "fully_connected"], ["naive", "naive"]),
        "plan.techniques.fully_connected is a list; wanted a list of different values",
    ),
    "processes without end": (change_of("run", ["plan", "processes"], 10**12), "plan.processes is 1000"),
    "an operation without cases": (change_of("run", ["plan", "cases"], {}), "plan.cases.fully_connected"),
    "a case without sizes": (change_of("run", [*CASE, "sizes"], gone=True), f"{AT}.sizes is missing"),
    "a case without costs": (change_of("run", [*CASE, "costs"], {}), f"{AT}.costs.float32 is missing"),
    "a cost of nothing": (change_of("run", [*SMALL_COST, "flops"], 0), "float32.forward.flops is 0"),
    "a cost that is null": (change_of("run", SMALL_COST, None), f"{AT}.costs.float32.forward is null"),
    "a date of no calendar": (change_of("run", ["started"], 1e18), "started is 1e+18"),
    "a schema to come": (change_of("run", ["schema"], 99), "schema 99; wanted 1 to 2"),
    "true as a schema": (change_of("run", ["schema"], True), "schema true"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_record_must_hold_is_checked_field_by_field(name, tmp_path):
    change, told = REFUSED[name]
    with pytest.raises(PerflabError) as refused:
        records.read(copy_of(OLD, tmp_path, change))
    message = str(refused.value)
    assert "\n" not in message
    assert told in message
    assert re.search(r"records\.jsonl: line \d+: ", message)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"[1, 2]", "line 39 is not a record"),
        (b"\xff\xfe{}", "line 39 is not a record"),
        (b'{"kind": "block", "operation": "con', "line 39 is not a record"),
        (b"[" * 100_000 + b"]" * 100_000, "line 39 is not a record"),
        (b'{"kind": "pools", "process": 0, "threads": 1, "pools": [' + b'{"a":' * 60 + b"1" + b"}" * 60 +
         b"]}",
         "line 39: pools[0].a"),
        (b'{"kind": "process", "threads": 1, "process": 0, "wall_s": ' + b"9" * 5000 + b"}", "line 39"),
    ],
    ids=["a list", "bytes that are no UTF-8", "cut short", "too deep", "deeper than is read", "5,000 digits"],
)  # fmt: skip
def test_a_line_that_is_no_record_is_refused(line, told, tmp_path):
    folder = copy_of(OLD, tmp_path)
    with (folder / "records.jsonl").open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(PerflabError, match=re.escape(told)):
        records.read(folder)


def test_a_byte_order_mark_makes_it_foreign(tmp_path):
    folder = copy_of(OLD, tmp_path)
    file = folder / "records.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    with pytest.raises(PerflabError, match="not a perflab run: line 1"):
        records.read(folder)


@pytest.mark.parametrize("content", ["[1]", "{", '"text"', '{"a": NaN}', "\udcff"])
def test_an_environment_that_is_no_object_is_refused_and_a_missing_one_is_not(content, tmp_path, capsys):
    folder = copy_of(OLD, tmp_path)
    (folder / "environment.json").write_text(content, "utf-8", errors="surrogateescape")
    assert "environment.json: " in refusal(folder, capsys)
    (folder / "environment.json").unlink()
    assert records.read(folder).environment == {}


def steps_of(value, path=()):
    """The place of every value within a record, of a list's first two."""
    if path:
        yield path
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    )
    for step, item in inner:
        yield from steps_of(item, (*path, step))


def test_whatever_a_field_holds_a_run_is_read_or_refused(tmp_path):
    rng = random.Random(0)
    lines = [json.loads(line) for line in (OLD / "records.jsonl").read_text("utf-8").splitlines()]
    tried = [(kind, path) for kind in sorted({line["kind"] for line in lines})
             for path in steps_of(first(lines, kind))]  # fmt: skip
    read = 0
    folder = copy_of(OLD, tmp_path)
    for kind, path in rng.sample(tried, min(len(tried), 150)):
        for value in rng.sample(VALUES, 2):
            changed = json.loads(json.dumps(lines))
            change_of(kind, path, value)(changed)
            (folder / "records.jsonl").write_text(
                "".join(json.dumps(line) + "\n" for line in changed), "utf-8"
            )
            try:
                summary = report.summarise(records.read(folder))
            except PerflabError as refused:
                assert "records.jsonl: " in str(refused)  # noqa: PT017
                continue
            json.dumps(report.to_json(summary), allow_nan=False).encode()
            read += 1
    assert read > 10, "some changes are harmless"


# ---------------------------------------------------------------------------------------------- other schemas


def test_a_run_of_schema_1_is_reported_compared_and_ranked(tmp_path, capsys):
    folder = copy_of(OLD, tmp_path / "reports")
    assert cli.main(["report", str(folder)]) == 0
    assert "4 cells measured" in capsys.readouterr().out
    assert cli.main(["compare", str(folder), str(folder)]) in (0, 1)
    assert "fully_connected/naive" in capsys.readouterr().out + (folder / "report.md").read_text("utf-8")
    from perflab.report.across import board

    ranked = board.board(folder.parent, here=records.read(folder).environment)
    assert {entry.technique for group in ranked.groups for entry in group.entries} == {"naive", "vectorized"}


def test_a_new_run_has_schema_2_and_names_the_kinds_that_it_may_hold(tmp_path):
    made = presets.make({"conv2d": ("naive",)}, "smoke", cases=("tiny",))
    records.begin(tmp_path, made, cases.describe(made), {})
    header = json.loads((tmp_path / "records.jsonl").read_text().splitlines()[0])
    assert header["schema"] == 2
    assert header["kinds"] == sorted(kinds.KINDS)
    assert records.read(tmp_path).plan == made


def test_what_a_newer_perflab_adds_is_left_out(tmp_path):
    def newer(lines):
        lines[0] |= {"schema": 2, "kinds": [*kinds.KINDS, "remark"], "colour": "blue"}
        first(lines, "block")["colour"] = "blue"
        lines.append({"kind": "remark", "text": "new"})

    run = records.read(copy_of(OLD, tmp_path, newer))
    old = records.read(OLD)
    assert run.records == old.records
    assert run.plan == old.plan


# ---------------------------------------------------------------------------------------------- hostile names


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def renamed(old, new):
    """Every record of a technique under another name."""

    def change(lines):
        def name_of(value):
            if isinstance(value, dict):
                return {name_of(key): item if key == "text" else name_of(item) for key, item in value.items()}
            if isinstance(value, list):
                return list(map(name_of, value))
            return value.replace(old, new) if value in (old, f"fully_connected/{old}.py") else value

        return [name_of(line) for line in lines]

    return change  # fmt: skip


NAMES = dict.fromkeys(HOSTILE) | {
    "markup of a terminal": "[red]x[/red]",
    "control characters": "a\x1b[31m\x00\u202eb\nc",
    "a path": "../../x/y",
    "a formula": "$\\frac{$",
    "a sign": "@sum(1)",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_is_text_wherever_it_is_shown(name, tmp_path, capsys):
    change = None if NAMES[name] is None else renamed("naive", NAMES[name])
    folder = copy_of(CASES / name if change is None else OLD, tmp_path, change)
    assert cli.main(["report", str(folder)]) == 0
    shown = capsys.readouterr().out
    run = records.read(folder)
    hostile = next(t for ts in run.plan.techniques.values() for t in ts if t not in ("naive", "vectorized"))
    assert hostile.isprintable(), "control characters are read as their escapes"
    assert hostile in re.sub(r"\s*\n\s*", "", shown) or hostile in shown
    # HTML: text, and no element or address of its own
    page = Tags((folder / "report.html").read_text("utf-8"))
    assert hostile in "".join(page.text)
    assert "img" not in {tag for tag, _ in page.tags}
    assert not [attrs for _, attrs in page.tags if any(key.startswith("on") for key in attrs)]
    assert not [attrs for _, attrs in page.tags if "javascript:" in (attrs.get("href") or "")]
    # Markdown: as many cells in every row of a table, no element, no link of its own, no formula
    for file in (folder / "report.md", *folder.glob("tables/*.md")):
        text = file.read_text("utf-8")
        assert "<img" not in text
        assert "](javascript" not in text
        assert not re.search(r"(?<!\\)\$", text)
        for table in re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table
    # CSV: no cell that a spreadsheet works out
    for file in folder.glob("tables/*.csv"):
        for row in csv.reader(file.read_text("utf-8").splitlines()):
            for cell in row:
                assert not cell.startswith(("=", "+", "@", "\t", "\r"))
                assert not cell.startswith("-") or float(cell) <= 0
    # SVG: well formed, and every file lies where it should
    svgs = list(folder.glob("figures/*.svg"))
    assert svgs
    assert any(hostile[:4] in "".join(ET.parse(file).getroot().itertext()) for file in svgs)
    for file in folder.rglob("*"):
        assert re.fullmatch(r"\.?[\w.-]+", file.name), file.name
    assert not list(tmp_path.glob("x*"))
