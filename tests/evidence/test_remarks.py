"""What LLVM says of loops: heard, placed on the right lines, explained; and what a loop could do at best."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import one_line, perflab

from perflab.contract import PerflabError
from perflab.evidence import chains, heard, limits, listing, mca, remarks
from perflab.evidence.arithmetic import counts_of
from perflab.evidence.assembly import Loop
from perflab.evidence.graph import Instruction
from perflab.evidence.line_numbers import loop_line
from perflab.records.remarks import Remarks
from perflab.records.typed import read
from perflab.report.why import meanings
from perflab.report.why import remarks as why

SAID = """
warning: something else that was written there
remark: /a/mine.py:17:1: loop not vectorized: cannot prove it is safe to reorder floating-point operations
remark: /a/mine.py:16:1: loop not vectorized
remark: /a/mine.py:16:1: loop not vectorized
remark: /a/mine.py:9:1: loop not vectorized: unsafe dependent memory operations in loop. Use #pragma for C
Backward loop carried data dependence. Memory location is the same as accessed at /a/b/c.py:5:1
remark: <unknown>:0:0: '_ZN4mine4rowsB2v1B8c8tJE' inlined into 'NRT_decref' (cost=5) at callsite _ZN4E:3:1;
remark: C:\\a\\mine.py:3:1: hoisting fadd
"""


def instructions(text):
    """Instructions as of a listing."""
    rows = (line.strip().partition(" ") for line in text.strip().splitlines())
    return [Instruction("", mnemonic, operands.strip(), 0, "", 0) for mnemonic, _, operands in rows]


SUM = instructions("""
    vmovss (%rdi,%rcx,4), %xmm1
    vmulss (%rsi,%rcx,4), %xmm1, %xmm1
    vaddss %xmm1, %xmm0, %xmm0
    incq %rcx
    cmpq %rdx, %rcx
    jne .LBB0_1
""")


# --------------------------------------------------------------------------------------------- what is heard


def test_remarks_are_read_back_and_anything_else_is_left_out():
    found = heard.parsed(SAID.splitlines())
    assert found.total() == 6
    assert found[heard.Heard("/a/mine.py", 16, "loop not vectorized")] == 2
    (dependent,) = (each for each in found if each.line == 9)
    assert "#pragma" not in dependent.words
    assert dependent.words.endswith("Memory location is the same as accessed at c.py:5")
    (inlined,) = (each for each in found if each.file == "<unknown>")
    assert inlined.words == "'mine.rows' inlined into 'NRT_decref' (cost=5)"
    assert heard.Heard("C:\\a\\mine.py", 3, "hoisting fadd") in found


def test_what_is_written_to_the_standard_error_meanwhile_is_heard(capfd):
    with heard.listening() as lines:
        os.write(2, b"remark: a.py:1:1: hoisting add\n")
    os.write(2, b"afterwards\n")
    assert lines == ["remark: a.py:1:1: hoisting add"]
    assert capfd.readouterr().err == "afterwards\n"


def test_a_loop_is_the_smallest_that_all_its_lines_are_in(tmp_path):
    file = tmp_path / "loops.py"
    file.write_text("while a:\n    for b in c:\n        d\n    e\nf = [g for g in h]\n")
    assert [loop_line(str(file), lines) for lines in ([2, 3], [3], [2, 3, 4], [4, 1], [5], [9])] == [
        2, 2, 1, 1, 5, 9,
    ]  # fmt: skip


# --------------------------------------------------------------------------------------------- what it means


@pytest.mark.parametrize(
    ("words", "by", "outcome"),
    [
        ("vectorized loop (vectorization width: 8, interleaved count: 4)", "loop-vectorize", "passed"),
        (
            "loop not vectorized: Cannot vectorize early exit loop with more than one",
            "loop-vectorize",
            "missed",
        ),
        ("loop not vectorized: call instruction cannot be vectorized", "loop-vectorize", "missed"),
        ("the cost-model indicates that interleaving is not beneficial", "loop-vectorize", "analysis"),
        ("unrolled loop by a factor of 8 with run-time trip count", "loop-unroll", "passed"),
        ("peeled loop by 1 iterations", "loop-unroll", "passed"),
        ("Stores SLP vectorized with cost -3 and with tree size 2", "slp-vectorizer", "passed"),
        ("'NRT_decref' not inlined into 'a.b' because too costly to inline", "inline", "missed"),
        ("'a.b' inlined into 'a.c' with (cost=5, threshold=250)", "inline", "passed"),
        ("Moving accesses to memory location out of the loop", "licm", "passed"),
    ],
)
def test_a_kind_of_remark_has_one_meaning(words, by, outcome):
    kind = meanings.meaning(words)
    assert (kind.by, kind.outcome) == (by, outcome)
    assert kind.sentence
    assert kind.sentence[0].islower() or kind.sentence.startswith(("LLVM", "Numba"))


def test_words_that_llvm_did_not_have_are_shown_as_they_are():
    found = made_up(remarks=[("mine.py", 3, "a word of a later LLVM", 1)])
    (told,) = why.told(found, "mine.py", "")
    assert (told.quoted, told.sentence, told.of_loop) == ("a word of a later LLVM", "", True)


TEXT = "\nfor a in b:\n    for c in d:\n        e += c\nwhile f:\n    g\n"


def made_up(remarks=(), loops=(), **more):
    fields = {"operation": "fully_connected", "technique": "jit", "dtype": "float32", **more}
    names = "file", "line", "words", "times"
    return read(Remarks, {
        **fields, "remarks": [dict(zip(names, each, strict=True)) for each in remarks],
        "loops": [{"file": "mine.py", "line": line} for line in loops],
    })  # fmt: skip


def test_each_loop_is_told_and_a_scalar_one_with_the_line_of_its_reason():
    reason = "loop not vectorized: cannot prove it is safe to reorder floating-point operations"
    vectorised = "vectorized loop (vectorization width: 8, interleaved count: 4)"
    rows = (3, "loop not vectorized", 1), (4, reason, 2), (4, "hoisting add", 1), (4, "hoisting mul", 3)
    said = [("mine.py", *row) for row in rows]
    told = why.told(made_up(said, loops=[2, 3, 5]), "mine.py", TEXT)
    assert [each.line for each in told] == [2, 3, 4, 4, 5]
    assert told[0].sentence == why.OUTER
    assert told[1].sentence.endswith("; line 4 says why")
    assert told[3].quoted == "hoisting add, mul (×4)"
    assert told[4].sentence == why.GONE
    (copy, _) = why.told(made_up([("mine.py", 2, vectorised, 1)], loops=[2, 3]), "mine.py", TEXT)
    assert copy.sentence.endswith(why.COPY)
    assert why.brief(made_up(said, loops=[2]), {"mine.py": TEXT})[1][0] == "mine.py:4"


# ------------------------------------------------------------------------------ what a loop could do at best


def test_a_sum_is_a_chain_of_additions_also_where_it_is_kept_in_memory():
    assert chains.chain(SUM, [5, 9, 4, 1, 1, 1], [5, 5, 0, 0, 0, 0]) == (4.0, ("vaddss",))
    kept = instructions(
        "vmovss (%r8), %xmm1\nvaddss (%rdi,%rcx,4), %xmm1, %xmm1\nvmovss %xmm1, (%r8)\nincq %rcx"
    )
    assert chains.chain(kept, [5, 9, 1, 1], [5, 5, 0, 0])[0] == 5 + 4 + 1
    moving = [*kept[:2], *instructions("vmovss %xmm1, (%rdi,%rcx,4)\nincq %rcx")]
    assert chains.chain(moving, [5, 9, 1, 1], [5, 5, 0, 0]) == (1.0, ("incq",))
    cleared = instructions("vxorps %xmm0, %xmm0, %xmm0\nvaddss %xmm1, %xmm0, %xmm0")
    assert chains.chain(cleared, [0, 4], [0, 0])[0] == 0


def test_a_turn_touches_as_many_new_cache_lines_as_it_moves_on():
    memory = chains.memory(SUM)
    assert (memory.loads, memory.stores, memory.bytes, memory.lines, memory.at_most) == (
        2,
        0,
        8,
        2 * 4 / 64,
        False,
    )
    vectors = instructions("""
        vmovups (%rdi,%rcx,4), %ymm1
        vfmadd213ps 32(%rdi,%rcx,4), %ymm0, %ymm1
        vmovups %ymm1, (%rsi)
        addq $16, %rcx
        addq %r9, %rsi
    """)
    memory = chains.memory(vectors)
    assert (memory.loads, memory.stores, memory.bytes) == (2, 1, 96)
    assert (memory.lines, memory.at_most) == (1 + 1, True), "how far rsi moves is not in the code"


def loop_of(each):
    return Loop("f", tuple(each), counts_of(each), 1.0)


def test_without_llvm_mca_the_rest_stands(monkeypatch):
    monkeypatch.setattr(mca, "found", lambda: "")
    found = limits.of_loop(loop_of(SUM), "skylake")
    assert "not installed (Debian's package llvm)" in found.note
    assert (found.cycles, found.chain, found.loads, found.flops) == (None, None, 2, 2)
    (row,) = why.limits_table(made_up(limits={"forward": vars_of(found)}), {}).rows
    assert row[-2:] == ("–", "–")
    assert "not installed" in why.limiting("forward", found, None)


def vars_of(each):
    return {name: getattr(each, name) for name in type(each).__dataclass_fields__}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "echo \"'$1' is not a recognized processor for this target\" >&2",
            "does not know the processor skylake",
        ),
        ("echo nonsense", "no timetable that can be read"),
        (
            "case \"$*\" in *json*) echo 'x: error: invalid instruction' >&2; exit 1;; esac",
            "invalid instruction",
        ),
    ],
    ids=["processor", "nonsense", "error"],
)
def test_an_llvm_mca_that_cannot_answer_is_one_line(tmp_path, script, words):
    program = tmp_path / "llvm-mca"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(PerflabError, match=words) as raised:
        mca.run(SUM, "skylake", str(program))
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(not mca.found(), reason="llvm-mca is not installed")
def test_llvm_mca_gives_the_cycles_of_the_chain():
    found = limits.of_loop(loop_of(SUM), "skylake")
    assert (found.chain, found.links, found.port_cycles <= found.cycles) == (4.0, ("vaddss",), True)
    assert found.cycles == pytest.approx(4, abs=0.3)
    assert "the chain of 1 vaddss limits the loop" in why.limiting("forward", found, 4.1)
    assert "times as long" in why.limiting("forward", found, 40.0)
    newer = limits.of_loop(loop_of(SUM), "diamondrapids")
    assert newer.processor == "diamondrapids" or "these are" in newer.note


# ------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--remarks",), "wanted a technique, a file, or --all"),
        (("--all",), "wanted --remarks --all"),
        (("--remarks", "nothing.py"), "no such file"),
        (("--remarks", "nothing"), "unknown technique"),
        (("--remarks", "jit", "--asm", "jit"), "one of them"),
        (("--remarks", "jit", "--size", "N=3"), "--size"),
        (("--asm", "jit", "nothing"), "unknown technique"),
        (("--asm", "jit", "jit+fast"), "unknown permission; did you mean fast_math"),
        (("--remarks", "jit+order"), "unknown permission"),
        (("--asm", "jit", "simd", "tiles"), "tiles: not understood"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_bad_input_is_one_line(words, said):
    assert said in one_line(perflab("study", "fully_connected", *words), 2)


@pytest.mark.parametrize("silent", ["ends itself", "says nothing"])
def test_a_numba_whose_llvm_gives_no_remarks_is_said(monkeypatch, tmp_path, silent):
    codes = {name: ({"whole": {}, "loops": 1, "hot": {}}, "") for name in ("forward", "backward")}
    timed = {"case": "tiny", "codes": codes, "clock_hz": 3e9, "name": "mine.py", "outside": "mine.py"}
    answers = {"reason": remarks.SILENT, "codes": codes, "remarks": [], "limits": {}}

    def finish(child, limit_s):
        if silent == "ends itself":
            raise PerflabError("its process ended with exit code 1")
        return answers

    monkeypatch.setattr(remarks.process, "call", lambda *_, **__: timed)
    monkeypatch.setattr(remarks.process, "finish", finish)
    found = remarks.gather("fully_connected", "mine", "float32", str(tmp_path / "mine.py"))
    assert found.reason.startswith(remarks.SILENT)
    assert [*why.closing(found)] == [found.reason]
    assert replace(found, reason="") != found


@pytest.mark.slow
def test_under_a_permission_the_same_rung_becomes_other_code():
    strict, permitted = (
        listing.gather("fully_connected", name, "float32").ways["forward"]
        for name in ("jit", "jit+reassociate")
    )
    assert (strict.same, permitted.same) == (True, None)
    assert strict.loop.counts.packed == 0
    assert permitted.loop.counts.packed > 0
    said = {
        name: remarks.gather("fully_connected", name, "float32").remarks
        for name in ("jit", "jit+reassociate")
    }
    vectorised = {
        name: {each.line for each in said[name] if "vectorized loop" in each.words} for name in said
    }
    assert vectorised["jit"] < vectorised["jit+reassociate"]


# ---------------------------------------------------------------------------- on the right lines, by markers


MARKED = Path(__file__).parent / "marked_loops.py"
MARK = re.compile(r"# (loop|in)\b:? ?(.*)")


@pytest.mark.slow
def test_no_remark_is_on_a_wrong_line_and_each_loop_has_one():
    """Held against comments in a file: on which lines loops begin, and what is said of each."""
    text = MARKED.read_text()
    marks = {number: MARK.search(line) for number, line in enumerate(text.splitlines(), 1)}
    wanted = {number: match[2] for number, match in marks.items() if match and match[1] == "loop"}
    inside = {number: match[2] for number, match in marks.items() if match and match[1] == "in"}
    found = remarks.gather("fully_connected", "mine", "float32", str(MARKED))
    name = "fully_connected/mine.py"
    assert not found.reason
    assert {loop.line for loop in found.loops if loop.file == name} == {*wanted}
    told = why.told(found, name, text)
    for line, words in (wanted | inside).items():
        here = [" ".join((*each.words, each.sentence)) for each in told if each.line == line]
        assert any(words in each for each in here) or not words, (line, words, here)
    for each in told:
        if each.of_loop and each.meaning.by != meanings.SLP:
            assert each.line in wanted | inside, (each.line, each.words)
    assert not found.differs, "line numbers change nothing of what is compiled"
