"""What LLVM said of a technique, told line by line, and what its hot loops could do at best, as a table."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from perflab.contract import Cell
from perflab.records.evidence import Step
from perflab.records.remarks import Limits, Remark, Remarks
from perflab.records.texts import syntax
from perflab.report import words
from perflab.report.summary import Summary
from perflab.report.why.meanings import OF_LOOPS, VECTORISER, Meaning, meaning
from perflab.units import rounded

OUTER = "LLVM said nothing of this loop: it vectorises innermost loops only"
GONE = "LLVM said nothing of this loop: another pass had removed it, or joined it with its surroundings"
COPY = "this is a copy of the loop for when the loop within it does not turn"
SAME = "Compiled once more with line numbers: its loops hold the same arithmetic as the code that is timed."
FULL = 0.9  # of a turn: a chain or a unit that takes so much of it is what limits it
MORE = 1.25  # measured over predicted: more is no matter of the instructions
ELSEWHERE = "that is not in its instructions, but in caches or in other loops"
LOOPS = (ast.For, ast.While)
WORDS_SHOWN = 3
MOST_BRIEF = 2  # remarks on a rung on a page


@dataclass(frozen=True)
class Told:
    """All remarks of one kind on one line: LLVM's words, how many, and what they mean."""

    line: int
    words: tuple[str, ...]
    times: int
    meaning: Meaning
    sentence: str

    @property
    def of_loop(self) -> bool:
        """Whether it decides of a loop, and not of a single instruction."""
        return self.meaning.by in (*OF_LOOPS, "")

    @property
    def quoted(self) -> str:
        """LLVM's words, several kinds of instructions together, and how many times if more than once."""
        if not self.words:
            return ""
        first, *rest = self.words
        shown = [word.removeprefix(_common(first)) for word in rest[: WORDS_SHOWN - 1]]
        more = f" and {len(rest) - len(shown)} more" if len(rest) > len(shown) else ""
        return ", ".join([first, *shown]) + more + (f" (×{self.times})" if self.times > 1 else "")


def _common(words: str) -> str:
    """The first word, where a remark is that and an instruction: "hoisting fadd"."""
    first, _, rest = words.partition(" ")
    return f"{first} " if rest and " " not in rest else ""


def told(remarks: Remarks, file: str, text: str) -> list[Told]:
    """What LLVM said of each line of a file, in order; each loop has something.

    `text` is the file's source, "" where it is not known.
    """
    nested = _nested(text)
    groups: dict[tuple[int, str], list[Remark]] = {}
    for each in remarks.remarks:
        if each.file == file:
            kind = meaning(each.words)
            groups.setdefault((each.line, kind.pattern or each.words), []).append(each)
    found = [_told(line, each, nested) for (line, _), each in groups.items()]
    found = [_with_reason(each, found, nested) for each in found]
    spoken = {each.line for each in found if each.of_loop}
    for line in sorted({loop.line for loop in remarks.loops if loop.file == file} - spoken):
        inside = nested.get(line, (line, False))[1]
        found.append(Told(line, (), 1, Meaning(VECTORISER, "missed", "", ""), OUTER if inside else GONE))
    order = (*OF_LOOPS, "")
    return sorted(found, key=lambda each: (each.line, each.meaning.by not in order, each.meaning.by))


def _told(line: int, remarks: Sequence[Remark], nested: Mapping[int, tuple[int, bool]]) -> Told:
    counts: Counter[str] = Counter()
    for each in remarks:
        counts[each.words] += each.times
    kind = meaning(remarks[0].words)
    sentence = kind.sentence
    if kind.by == VECTORISER and kind.outcome == "passed" and nested.get(line, (line, False))[1]:
        sentence += f"; {COPY}"
    return Told(line, tuple(counts), counts.total(), kind, sentence)


def _with_reason(each: Told, all_of_them: Iterable[Told], nested: Mapping[int, tuple[int, bool]]) -> Told:
    """A loop that stays scalar, with the lines on which the reason stands."""
    if each.words != ("loop not vectorized",) or each.line not in nested:
        return each
    end = nested[each.line][0]
    lines = sorted({
        other.line for other in all_of_them
        if each.line <= other.line <= end and other is not each and other.meaning.by == VECTORISER
        and other.meaning.outcome == "missed" and other.words != each.words
    })  # fmt: skip
    if not lines:
        return each
    where = f"{'line' if len(lines) == 1 else 'lines'} {', '.join(map(str, lines))}"
    says = "says" if len(lines) == 1 else "say"
    return Told(each.line, each.words, each.times, each.meaning, f"{each.sentence}; {where} {says} why")


def _nested(text: str) -> dict[int, tuple[int, bool]]:
    """By its line, where each loop ends, and whether it has a loop within it."""
    return {
        node.lineno: (node.end_lineno or node.lineno, any(isinstance(n, LOOPS) for n in _within(node)))
        for node in ast.walk(syntax(text))
        if isinstance(node, LOOPS)
    }


def _within(node: ast.AST) -> Iterator[ast.AST]:
    return (inner for inner in ast.walk(node) if inner is not node)


def files(remarks: Remarks) -> list[str]:
    """The files that remarks or loops are in: those of the technique's own operation first."""
    names = {each.file for each in remarks.loops} | {each.file for each in remarks.remarks}
    return sorted(names, key=lambda name: (not name.startswith(f"{remarks.operation}/"), name))


def closing(remarks: Remarks) -> Iterator[str]:
    """What else there is to say: how far the code is that which is timed, and what has no line here."""
    if remarks.reason:
        yield remarks.reason
        return
    if not remarks.differs:
        yield SAME
    for direction, difference in remarks.differs.items():
        yield f"{direction}: {difference}; take the remarks as of similar code"
    if remarks.unplaced or remarks.elsewhere:
        yield (f"Further remarks: {remarks.unplaced} without a line, on what Numba or LLVM itself added,"
               f" {remarks.elsewhere} on Numba's own files.")  # fmt: skip


def brief(remarks: Remarks, texts: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Where, LLVM's words and their meaning, of what decides of loops; each kind once."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for file in files(remarks):
        name = file.rpartition("/")[2]
        for each in told(remarks, file, texts.get(file, "")):
            if each.of_loop and each.words:
                kinds.setdefault((each.words[0], each.sentence), []).append(f"{name}:{each.line}")
    return [(_places(places), said, sentence) for (said, sentence), places in kinds.items()]


def briefest(
    remarks: Remarks, texts: Mapping[str, str], file: str, explained: set[str]
) -> Iterator[tuple[str, str, str]]:
    """As `brief`, of whether the loops of one file were vectorised and why not, at most MOST_BRIEF.

    A meaning is told where it is not `explained` yet, and is from then on.
    """
    own = replace(remarks, remarks=tuple(each for each in remarks.remarks if each.file == file), loops=())
    rows = [(at, said, sentence, meaning(said)) for at, said, sentence in brief(own, texts)]
    rows = [row for row in rows if row[3].by == VECTORISER and row[3].decides]
    for at, said, sentence, kind in sorted(rows, key=lambda row: row[3].outcome)[:MOST_BRIEF]:
        yield at, said, "" if kind.sentence in explained else sentence
        explained.add(kind.sentence)


def _places(places: Sequence[str]) -> str:
    """Lines by file: "naive.py:14, 30"."""
    by_file: dict[str, list[str]] = {}
    for place in dict.fromkeys(places):
        name, _, line = place.rpartition(":")
        by_file.setdefault(name, []).append(line)
    return "; ".join(f"{name}:{', '.join(lines)}" for name, lines in by_file.items())


# --------------------------------------------------------------------------------------------- hot loops


def limits_table(remarks: Remarks, measured: Mapping[str, float]) -> words.Table | None:
    """What one turn of each hot loop takes; `measured` has the cycles a turn by direction, where known."""
    rows = []
    for direction, each in remarks.limits.items():
        chain = f"{_cycles(each.chain)} ({_links(each.links)})" if each.chain is not None else "–"
        port = f"{each.port} {_cycles(each.port_cycles)}" if each.port else "–"
        memory = f"{each.loads} / {each.stores}" if each.loads is not None else "–"
        lines = "–" if each.lines is None else ("≤ " if each.at_most else "") + rounded(each.lines, 2)
        rows.append((
            direction, str(each.instructions), str(each.flops), chain, port, memory,
            "–" if each.bytes is None else str(each.bytes), lines, _cycles(each.cycles),
            _cycles(measured.get(direction)),
        ))  # fmt: skip
    head = ("direction", "instructions", "operations", "longest chain", "busiest unit", "loads / stores",
            "bytes", "cache lines", "cycles predicted", "cycles measured")  # fmt: skip
    name = f"One turn of the hot loop of {remarks.technique}, {remarks.dtype}"
    return words.Table(name, head, tuple(rows)) if rows else None


def _cycles(cycles: float | None) -> str:
    return "–" if cycles is None else rounded(cycles, 3) if cycles >= 10 else f"{cycles:.1f}"


def _links(links: Sequence[str]) -> str:
    """The operations of a chain: "8 vaddss"; of a long one some."""
    counts = [f"{count} {name}" for name, count in Counter(links).most_common()]
    more = ["…"] if len(counts) > WORDS_SHOWN else []
    return ", ".join(counts[:WORDS_SHOWN] + more) or "none"


def limiting(direction: Step, limits: Limits, measured: float | None) -> str:
    """One sentence: what limits a hot loop, by its instructions."""
    if limits.cycles is None:
        return f"{direction}: {limits.note}" if limits.note else ""
    chain, busy = limits.chain or 0.0, limits.port_cycles or 0.0
    if chain >= FULL * limits.cycles:
        what = f"the chain of {_links(limits.links)} limits the loop: each waits for the one before"
    elif busy >= FULL * limits.cycles:
        what = f"the unit {limits.port} limits the loop: it is busy all the time"
    else:
        what = "no chain and no single unit limits the loop, but how many instructions begin in a cycle"
    if measured is not None and measured > MORE * limits.cycles:
        times = rounded(measured / limits.cycles, 2)
        what += f"; a turn was measured to take {times} times as long: {ELSEWHERE}"
    branches = "" if limits.straight else "; all of its branches are counted as taken"
    note = f" ({limits.note})" if limits.note else ""
    return f"{direction}: {what}{branches}, by the tables of {limits.processor}{note}"


def measured(summary: Summary, remarks: Remarks) -> dict[str, float]:
    """By direction, the cycles of a turn on one thread, from times of the technique that a run verified.

    On the operation's common case. All of its arithmetic is taken as done in the hot loop.
    """
    plan, op = summary.run.plan, remarks.operation
    if 1 not in plan.threads or op not in plan.techniques or not remarks.clock_hz:
        return {}
    found = {}
    for direction, limits in remarks.limits.items():
        cell = Cell(op, summary.common_case(op), remarks.dtype, 1, direction, remarks.technique)
        figure = summary.figures.get(cell)
        if figure and not figure.predicted and figure.flops:
            found[direction] = figure.median_s * remarks.clock_hz * limits.flops / figure.flops
    return found


def limiting_line(summary: Summary, remarks: Remarks) -> str:
    """Briefly of both hot loops: the cycles of a turn, what limits them, and what the run measured."""
    taken = measured(summary, remarks)
    parts = [
        f"{direction} {_cycles(limits.cycles)} ({_limit(limits)}"
        + (f"; {_cycles(taken[direction])} measured)" if direction in taken else ")")
        for direction, limits in remarks.limits.items()
        if limits.cycles is not None
    ]
    return f"Least cycles a turn of the hot loop: {', '.join(parts)}" if parts else ""


def _limit(limits: Limits) -> str:
    """What takes nearly all of a turn."""
    cycles = limits.cycles or 0.0
    if (limits.chain or 0.0) >= FULL * cycles:
        return f"chain of {_links(limits.links)}"
    return limits.port if (limits.port_cycles or 0.0) >= FULL * cycles else "all instructions"


def loop_around(text: str, line: int) -> int:
    """The line of the innermost loop that a line of a file is in; the line itself where it is in none."""
    around = [(end - first, first) for first, (end, _) in _nested(text).items() if first <= line <= end]
    return min(around)[1] if around else line
