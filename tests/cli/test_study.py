"""The study of each operation: derivation, code, what changed, and assembly beside its source."""

import io
import json
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from conftest import one_line, perflab
from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console

from perflab import catalog, evidence, records, report
from perflab.catalog import cases, find, sources
from perflab.cli.show import listing as beside
from perflab.cli.show import listings as both
from perflab.cli.show import remarks as remarks_view
from perflab.cli.show import study as terminal
from perflab.cli.show import tree
from perflab.cli.terminal import print_all
from perflab.evidence import assembly, graph, listing
from perflab.records import evidence as evidence_records
from perflab.records import typed
from perflab.records.remarks import Remarks
from perflab.records.texts import imported
from perflab.report.study import code, mathematics
from perflab.report.study import section as study
from perflab.run import presets

EVIL = '"""A rung <script>alert(1)</script> & more."""\n\nTAG = "<script>alert(2)</script>"\n'
SECONDS = {"naive": 1.0, "per_neuron": 0.1, "vectorized": 0.02, "jit": 0.01}
WAY = {
    "kind": "numpy", "flops": 10**6, "bytes": 10**6, "steps": 10, "few": 10, "few_flops": 10**6,
    "whole": True,
    "allocations": 1, "allocated": 0, "temporaries": 0, "workspace": 0, "peak": 0, "memory": "", "code": None,
    "no_code": "",
}  # fmt: skip


def made_up(folder, *, with_sources=True, outside=None, ladders=None):
    """A run whose every rung was right, and took what SECONDS says, or 1 ms."""
    chosen = ladders or {op: catalog.techniques(op) for op in catalog.operations()}
    named = [f"{op}/{name}" for op, names in chosen.items() for name in names]
    plan = presets.make(chosen, "smoke", outside=outside, named=named)
    records.begin(folder, plan, cases.describe(plan), {})
    writer = records.Writer(folder)
    for fields in sources.of_plan(plan) if with_sources else ():
        writer.append("source", **fields)
    for op, techniques in plan.techniques.items():
        for technique in techniques:
            who = {"operation": op, "dtype": "float32", "technique": technique}
            for case in plan.cases[op]:
                at = who | {"case": case, "threads": 1, "process": 0}
                writer.append(
                    "verdict", **at, status="right", share=0.25, where="out[0]", precision="float64"
                )
                for direction in plan.directions:
                    for turn in range(8):
                        took = SECONDS.get(technique, 0.001) * (1 + turn / 1e4)
                        block = {"direction": direction, "pass": turn, "iterations": 1, "rounds_s": [took]}
                        writer.append("block", **at, **block, after="same bits")
            interpreted = (
                {"steps": 10**7, "few": 10**7, "kind": "interpreted"} if technique == "naive" else {}
            )
            ways = {"forward": WAY | interpreted, "backward": WAY}
            writer.append("evidence", **who, case="tiny", lines=10, imported={}, ways=ways)
    writer.close()
    return folder


def summary_of(folder):
    return report.summarise(records.read(folder))


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    return study.sections(summary_of(made_up(tmp_path_factory.mktemp("study") / "run")))


def page(sections):
    environment = Environment(
        loader=PackageLoader("perflab.report", "templates"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("study.html.jinja").render(studies=sections)


# ---------------------------------------------------------------------------------------------- sources


def test_a_plan_keeps_every_technique_its_modules_and_the_derivation():
    plan = presets.make({"conv2d": ("naive", "jit", "simd")}, "smoke", named=("conv2d/simd",))
    by_name = {fields["name"]: fields for fields in sources.of_plan(plan)}
    for path in (find.OPS / "conv2d").glob("*.py"):
        name = f"conv2d/{path.name}"
        if name in by_name:
            assert by_name[name]["text"] == path.read_text("utf-8")
    assert by_name["conv2d/jit.py"]["technique"] == "jit"
    assert by_name["_simd.py"] == by_name["_simd.py"] | {"operation": "", "technique": ""}
    assert by_name["conv2d/derivation.md"]["text"].startswith("# ")
    assert "conv2d/winograd4.py" not in by_name
    assert sum(len(fields["text"]) for fields in by_name.values()) < 2**20


def test_what_a_rung_imports_is_found_in_the_texts_alone():
    texts = {
        "op/a.py": "from . import b\nfrom .._simd import fma\nimport numpy",
        "op/b.py": "from ._c import x",
        "op/_c.py": "",
        "_simd.py": "",
    }
    assert sorted(imported("op/a.py", texts)) == ["_simd.py", "op/_c.py", "op/b.py"]
    assert sorted(imported("op/a.py", texts, directly=True)) == ["_simd.py", "op/b.py"]
    assert imported("op/broken.py", {"op/broken.py": "def ("}) == []


# ---------------------------------------------------------------------------------------------- sections


def test_every_rung_of_every_operation_has_its_code_and_figures(sections):
    assert [section.operation for section in sections] == list(catalog.operations())
    for section in sections:
        assert [rung.technique for rung in section.rungs] == list(catalog.techniques(section.operation))
        for rung in section.rungs:
            path = find.OPS / section.operation / f"{rung.technique}.py"
            assert rung.text == path.read_text("utf-8")
            assert rung.heading == catalog.summary(section.operation, rung.technique)
            assert rung.gains is not None
            assert rung.evidence is not None
            assert "0.250 of its rounding bound" in rung.accuracy
        assert not section.note


def test_gains_are_the_recorded_ratios(sections):
    rung = next(rung for rung in sections[1].rungs if rung.technique == "per_neuron")
    forward = dict(zip(rung.gains.head, rung.gains.rows[0], strict=True))
    assert forward["direction"] == "forward"
    assert forward["over naive"].startswith("×10.0 [10.0, 10.0")
    jit = next(rung for rung in sections[1].rungs if rung.technique == "jit")
    row = dict(zip(jit.gains.head, jit.gains.rows[0], strict=True))
    assert row["over naive"].startswith("×100")
    assert not [name for name in jit.gains.head if name.startswith("over") and name != "over naive"]
    in_place = next(rung for rung in sections[1].rungs if rung.technique == "in_place")
    assert in_place.gains.head[3:5] == ("over vectorized", "over naive")


def test_the_sentence_of_why_comes_from_the_evidence(sections):
    rung = next(rung for rung in sections[1].rungs if rung.technique == "per_neuron")
    assert any("runs its loops in NumPy where naive is interpreted" in line for line in rung.why)
    jit = next(rung for rung in sections[1].rungs if rung.technique == "jit")
    assert any("as fast as naive" in line for line in jit.why), "it compiles naive: that is its comparison"


def test_a_compiled_copy_is_written_out_as_decorators(sections):
    for section in sections:
        changes = next(rung for rung in section.rungs if rung.technique == "jit").changes
        assert changes.other == "naive"
        added = list(terminal._lines(changes, "right"))
        assert [line for line in added if line.startswith("@")] == ["@njit(cache=True)"] * 2
        assert not [line for line in terminal._lines(changes, "left") if line.strip()]
        compile(changes.after, "jit", "exec")


def test_a_rung_that_is_little_more_than_a_call_shows_what_it_calls(sections):
    rungs = {(rung.operation, rung.technique): rung for section in sections for rung in section.rungs}
    calls = {file.name: file for file in rungs["conv2d", "winograd2"].calls}
    assert list(calls) == ["conv2d/_winograd.py", "conv2d/_winograd_out.py", "conv2d/_winograd_dw.py"]
    assert "def convolve(" in calls["conv2d/_winograd_out.py"].text
    assert "def bound(" not in calls["conv2d/_winograd.py"].text, "it is no part of forward or backward"
    for rung in rungs.values():
        for file in rung.calls:
            compile(file.text, file.name, "exec")
            whole = (find.OPS / file.name).read_text("utf-8")
            assert all(part in whole for part in file.text.strip().split("\n\n\n"))
    shells = {name for name, rung in rungs.items() if rung.calls}
    assert shells == {
        ("softmax_loss", "blocked"), ("conv2d", "implicit"), ("conv2d", "winograd2"), ("conv2d", "winograd4"),
        ("conv2d", "auto"), ("rnn", "fused"), ("rnn", "cores"), ("fully_connected", "cores"),
        ("max_pool2d", "simd"),
    }  # fmt: skip
    text = page(sections)
    assert "What it calls of <code>conv2d/_winograd.py</code>" in text


def test_modules_stand_on_the_page_once(sections):
    names = [file.name for section in sections for file in section.files]
    assert "_simd.py" in names
    assert len(names) == len(set(names))
    text = page(sections)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    assert len(text.encode()) < 200_000 * len(sections)


def test_older_records_fall_back_on_what_is_installed(tmp_path):
    ladders = {"max_pool2d": ("naive", "jit")}
    folder = made_up(tmp_path / "old", with_sources=False, ladders=ladders)
    summary = summary_of(folder)
    section = study.sections(summary, sources.of_today(summary.run))[0]
    assert section.note == study.OF_TODAY
    assert section.rungs[0].text == (find.OPS / "max_pool2d" / "naive.py").read_text("utf-8")
    lines = (folder / "records.jsonl").read_text().replace('"jit"', '"gone"').replace("/jit", "/gone")
    (folder / "records.jsonl").write_text(lines)
    section = study.sections(summary_of(folder))[0]
    assert section.rungs[1].text == ""
    assert study.NOT_KEPT in section.rungs[1].notes
    assert 'id="study-max_pool2d-gone"' in page([section])


def test_code_from_outside_stays_text(tmp_path):
    file = tmp_path / "mine.py"
    naive = (find.OPS / "max_pool2d" / "naive.py").read_text("utf-8")
    file.write_text(EVIL + naive.partition('"""\n')[2])
    folder = made_up(
        tmp_path / "run",
        ladders={"max_pool2d": ("naive", "vectorized", "mine")},
        outside={"max_pool2d/mine": str(file)},
    )
    file.unlink()  # the records hold it
    section = study.sections(summary_of(folder))[0]
    assert section.rungs[-1].text.startswith(EVIL)
    assert section.rungs[-1].changes.other == "naive", "the rung that it is most like"
    text = page([section])
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 3


def test_a_run_without_figures_says_so(tmp_path):
    plan = presets.make({"max_pool2d": ("naive", "jit")}, "smoke")
    records.begin(tmp_path / "empty", plan, cases.describe(plan), {})
    section = study.sections(summary_of(tmp_path / "empty"))[0]
    assert all(rung.gains is None and "This run has no figure of it." in rung.notes for rung in section.rungs)
    assert page([section])


# -------------------------------------------------------------------------------------------- mathematics


@pytest.mark.parametrize("op", catalog.operations())
def test_every_formula_becomes_mathml(op):
    source = (find.OPS / op / "derivation.md").read_text("utf-8")
    drawn = mathematics.html(source)
    formulas = re.findall(r"\$\$.+?\$\$|\$[^$]+\$", source, re.DOTALL)
    elements = re.findall(r"<math.*?</math>", drawn, re.DOTALL)
    assert len(elements) == len(formulas) > 20
    for element in elements:
        ET.fromstring(element.replace("&nbsp;", " "))
        assert "\\" not in re.sub(r"&#x[0-9A-F]+;", "", element), "a command that was not understood"
        assert "merror" not in element
    assert "$" not in drawn
    plain = mathematics.readable(source)
    assert not re.search(r"\$|\\[a-zA-Z]", plain)


def test_formulas_are_told_as_tex_tells_them():
    assert "<mi>dout</mi>" in mathematics.mathml(r"\mathrm{dout}", {})
    assert 'class="matrix"' in mathematics.mathml(r"\begin{bmatrix} 1 & 2 \end{bmatrix}", {})
    assert mathematics.mathml(r"\lvert a \rvert", {}).count("fence") == 2
    assert "<code>" in mathematics.mathml(r"\begin{nothing", {})
    assert "<script" not in mathematics.html("text <script>alert(1)</script> $<script>$")


# -------------------------------------------------------------------------------------------- side by side


def test_a_changed_line_stands_beside_what_it_was():
    before, after = (
        "a = 1\nfor n in range(N):\n    x += 1\nz\n",
        "a = 1\nfor m in range(N):\n    y -= f(2)\nz\n",
    )
    hunk, *more = code.side_by_side(before, after)
    assert not more
    changed = next(row for row in hunk if row.left == 2)
    assert (changed.right, changed.same) == (2, False)
    assert [before.splitlines()[1][low:high] for low, high in changed.before] == ["n"]
    drawn = code.side_by_side_html(before, after, [hunk])
    assert "<del>for <b>n</b> in range(N):</del><ins>for <b>m</b> " in drawn
    assert drawn.count("<code>") == 2, "a line that is the same is there once"


@pytest.mark.parametrize("op", catalog.operations())
def test_hunks_hold_every_changed_line_once(op):
    texts = [(find.OPS / op / f"{name}.py").read_text("utf-8") for name in catalog.techniques(op)]
    for before, after in pairwise(texts):
        rows = [row for hunk in code.side_by_side(before, after, context=10**6) for row in hunk]
        assert [row.left for row in rows if row.left] == list(range(1, len(before.splitlines()) + 1))
        assert [row.right for row in rows if row.right] == list(range(1, len(after.splitlines()) + 1))
        for row in rows:
            if row.same:
                assert before.splitlines()[row.left - 1] == after.splitlines()[row.right - 1]


# ----------------------------------------------------------------------------------------------- assembly

LISTED = """
	.file	1 "/somewhere" "naive.py"
kernel:
	.loc	1 3 0
	xorl	%eax, %eax
.LBB0_1:
	.loc	1 5 9
	vmovups	(%rdi,%rax), %zmm1
	vfmadd231ps	(%rsi,%rax), %zmm1, %zmm0
	.loc	1 4 5
	addq	$64, %rax
	jne	.LBB0_1
	.loc	1 6 1
	retq
"""


def test_the_hot_loop_knows_its_lines():
    loop = assembly.hot_loop(LISTED, "kernel")
    assert [(each.mnemonic, each.line, each.bits) for each in loop.instructions] == [
        ("vmovups", 5, 512), ("vfmadd231ps", 5, 512), ("addq", 4, 0), ("jne", 4, 0),
    ]  # fmt: skip
    assert loop.instructions[0].label == ".LBB0_1"
    assert loop.instructions[0].file == "/somewhere/naive.py"
    assert loop.counts == assembly.read(LISTED, "kernel").hot
    assert assembly.hot_loop("kernel:\n\tretq\n") is None


@pytest.mark.slow
def test_line_numbers_leave_the_code_as_it_is():
    listed = listing.gather("fully_connected", "jit", "float32")
    source = (find.OPS / "fully_connected" / "naive.py").read_text("utf-8").splitlines()
    for way in listed.ways.values():
        assert way.same
        arithmetic = [each for each in way.loop.instructions if re.search("mul|fm|add[sp]", each.mnemonic)]
        assert arithmetic
        assert {each.file for each in arithmetic} == {str(find.OPS / "fully_connected" / "naive.py")}
        assert all("+=" in source[each.line - 1] for each in arithmetic if each.mnemonic[0] in "vf")
    _, codes = evidence.codes("fully_connected", "jit", "float32")
    assert codes["forward"][0].hot == listed.ways["forward"].loop.counts
    document = beside.plain(listed)
    assert document["directions"]["forward"]["function"] == "fully_connected/naive.forward"
    assert document["directions"]["forward"]["instructions"][0]["file"] == "fully_connected/naive.py"


def test_what_is_not_compiled_has_no_assembly():
    listed = listing.gather("fully_connected", "vectorized", "float32")
    assert all(way.loop is None and "no assembly" in way.why_none for way in listed.ways.values())


# ----------------------------------------------------------------------------------------------- terminal


def shown(*words, **more):
    done = perflab("study", *words, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_terminal_shows_derivation_and_code_without_any_run(tmp_path):
    text = shown("max_pool2d", cwd=tmp_path)
    assert "No run here" in text
    assert "perflab run max_pool2d" in text
    for name in catalog.techniques("max_pool2d"):
        assert catalog.summary("max_pool2d", name) in re.sub(r"\s*\n\s*", " ", text)
    assert "OH = ⌊" in text
    assert "├─● per_neuron\n│ ● vectorized\n│ ● reshaped\n│ ● strided\n└─● jit\n  ● jit_parallel" in text


def test_a_terminal_shows_the_tree_with_times_and_gains_in_80_columns(sections):
    console = Console(width=80, file=io.StringIO())
    for section in sections:
        console.print(*tree.shown(section), sep="\n")
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    left = min(line.index("●") for line in lines if "●" in line)
    for section in sections:
        for node in section.tree:
            steps = next(rung.steps for rung in section.rungs if rung.technique == node.technique)
            assert set(steps) == set(section.cases)
            (line,) = [
                line for line in lines
                if line.partition("● ")[2].startswith(f"{node.technique} ")
                and all(" ".join(step.split()) in " ".join(line.split()) for step in steps.values())
            ][:1]  # fmt: skip
            assert line.index("●") == left + 2 * node.lane


def test_a_terminal_shows_one_rung_with_its_figures(tmp_path):
    made_up(tmp_path / "reports" / "a", ladders={"max_pool2d": ("naive", "jit")})
    text = shown("max_pool2d/jit", cwd=tmp_path)
    assert "×100" in text
    assert "+ @njit(cache=True)" in text
    document = json.loads(shown("max_pool2d/jit", "--json", "--run", tmp_path / "reports" / "a"))
    (rung,) = document["rungs"]
    assert rung["changes"]["added"] == ["from numba import njit", "@njit(cache=True)", "@njit(cache=True)"]
    assert rung["gains"][0]["direction"] == "forward"
    assert rung["gains"][0]["over naive"].startswith("×100")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["convv2d"], "unknown operation; did you mean conv2d?"),
        (["conv2d/jiit"], "unknown technique; did you mean jit"),
        (["conv2d", "--asm", "jiit"], "unknown technique; did you mean jit"),
        (["conv2d", "--asm", "jit", "--dtype", "float16"], "unknown dtype"),
        (["conv2d", "--run", "nowhere"], "no run here"),
    ],
)
def test_unknown_names_get_one_line(words, message, tmp_path):
    assert message in one_line(perflab("study", *words, cwd=tmp_path), 2)


def test_a_narrow_terminal_shows_one_below_the_other(sections):
    from rich.console import Console

    rung = next(rung for rung in sections[1].rungs if rung.technique == "per_neuron")
    texts = []
    for width in (80, 140):
        console = Console(width=width, file=io.StringIO())
        for piece in terminal.shown(sections[1], [rung], "", width):
            console.print(piece, highlight=False)
        texts.append(console.file.getvalue())
    assert "- def" not in texts[0]
    assert re.search(r"^- .*for n in range\(N\)", texts[0], re.MULTILINE)
    assert not re.search(r"^- .*\+ ", texts[0], re.MULTILINE)
    assert re.search(r"- \S.*\s\+ \S", texts[1])


# ---------------------------------------------------------------------------------------- what LLVM said

SUM = "loop not vectorized: cannot prove it is safe to reorder floating-point operations"


def said_of_jit(**more):
    """Remarks on fully_connected/jit, as of a record."""
    remark = {"file": "fully_connected/naive.py", "line": 17, "words": SUM, "times": 1}
    limits = {"instructions": 35, "flops": 16, "chain": 32.0, "links": ["vaddss"] * 8, "cycles": 32.1,
              "port": "P1", "port_cycles": 8.0, "loads": 16, "stores": 0, "bytes": 64, "lines": 3.5,
              "processor": "skylake"}  # fmt: skip
    return {
        "operation": "fully_connected", "technique": "jit", "dtype": "float32", "case": "tiny",
        "clock_hz": 3e9, "remarks": [remark], "limits": {"forward": limits},
        "loops": [{"file": "fully_connected/naive.py", "line": line} for line in (13, 14, 16)], **more,
    }  # fmt: skip


def printed(pieces, width):
    console = Console(width=width, file=io.StringIO())
    print_all(console, pieces)
    return console.file.getvalue()


def test_a_run_with_remarks_shows_them_with_its_study_and_its_cycles(tmp_path):
    folder = made_up(tmp_path / "run", ladders={"fully_connected": ("naive", "jit")})
    records.save(folder, "remarks", [said_of_jit()])
    section = study.sections(summary_of(folder))[0]
    jit = section.rungs[-1]
    assert jit.said[0][:2] == ("naive.py:17", SUM)
    assert jit.limits.startswith("Least cycles a turn of the hot loop: forward 32.1 (chain of 8 vaddss; ")
    assert f"<li>naive.py:17: <code>{SUM}</code>: a floating-point sum" in page([section])
    shown = printed(
        remarks_view.shown(remarks_view.with_texts(typed.read(Remarks, said_of_jit()), None, folder)), 80
    )
    assert re.search(r"17 +total \+= .*\n +- loop-vectorize: loop not vectorized", shown)
    assert "LLVM said nothing of this loop" in shown
    assert "Times of the run in" in shown


@pytest.mark.parametrize("width", [80, 100, 200])
def test_two_hot_loops_are_side_by_side_or_below_one_another(width):
    file = str(find.OPS / "fully_connected" / "naive.py")
    rows = [("vmovss", "-28(%rdi,%r9,4), %xmm1"), ("vfmadd231ps", "448(%rdx,%rcx), %zmm10, %zmm9")] * 3
    loop = assembly.Loop(
        "f", tuple(graph.Instruction("", *row, 0, file, 17) for row in rows), evidence_records.Counts(), 1.0
    )
    gathered = listing.Listing(
        "fully_connected", "jit", "float32", "tiny", {"forward": listing.Way(loop, True)}
    )
    none = listing.Listing(
        "fully_connected", "other", "float32", "tiny", {"forward": listing.Way(None, True, "none")}
    )
    side = both.Side(gathered, typed.read(Remarks, said_of_jit()))
    twice = printed(both.shown(side, side, width), width)
    beside = [line for line in twice.splitlines() if line.count("%xmm1") == 2]
    assert bool(beside) == (width > 80)
    assert twice.count("448(%rdx,%rcx), %zmm10, %zmm9") == 6, "no instruction is broken"
    assert SUM in " ".join(twice.split())
    assert max(map(len, twice.splitlines())) <= width
    lone = printed(
        both.shown(side, both.Side(none, typed.read(Remarks, said_of_jit(reason="why"))), width), width
    )
    assert "other: none" in lone
