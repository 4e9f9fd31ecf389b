"""The exercises of an operation: each the way from a rung to the one that stands on it; none is written anew.

The code to begin from is the lower rung's, the formulas are the operation's, and what is wanted follows from
the times of the two rungs on this machine.
"""

from __future__ import annotations

import ast
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from math import sqrt
from pathlib import Path

from perflab import catalog, errors, units
from perflab.catalog import sources, starter
from perflab.catalog.cases import costs, every_case
from perflab.catalog.find import source_file
from perflab.contract import AUTO, DTYPES, Cell, Operation, PerflabError
from perflab.records import Run, tree
from perflab.records.climb import Climb, Step
from perflab.report import words
from perflab.report.study.written import written_out
from perflab.report.summarise import summarise

DTYPE = DTYPES[0]
SHARE = 0.8  # of the speed of the rung to reach
MOST_BYTES = 8 << 20  # of inputs and outputs: on more, caches alone make new contents slower than seen ones
LEAST_GAIN = 1.2  # of a rung over the one below: less is not told apart from noise in a race of seconds


def ways(described: Operation) -> dict[str, str]:
    """The exercises of an operation in ladder order: the rung to reach, and the rung that it stands on.

    `auto`, which chooses among rungs, is none of them.
    """
    return {above: below for above, below in described.since.items() if below and above != AUTO}


def opened(climb: Climb, described: Operation) -> list[str]:
    """The rungs that can be climbed to: not reached yet, and what they stand on is.

    A rung without an exercise counts as reached, so that what stands on it can be.
    """
    own = {step.above: step for step in climb.of(described.name)}
    reached = {name for name, step in own.items() if step.passed or step.left_out}
    root = next(name for name, below in described.since.items() if not below)
    return [a for a, below in ways(described).items() if a not in reached and below in {root, *reached}]


def chosen(climb: Climb, described: Operation, above: str = "") -> str:
    """The rung to climb to next: the named one, the one that was begun, one on the last reached, or any.

    "" where all are reached. Raises PerflabError for a name that there is not, and for one that is not open.
    """
    name, known = described.name, ways(described)
    if above and above not in known:
        raise PerflabError(errors.unknown("exercise", f"{name}/{above}", known, above))
    open_ones = opened(climb, described)
    steps = {step.above: step for step in climb.of(name)}
    if above:
        below = known[above]
        if above not in open_ones and not (above in steps and steps[above].left_out):
            why = "reached already" if above in steps else f"stands on {below}, which is not reached yet"
            wanted = ", ".join(open_ones) or "another operation"
            raise PerflabError(f"{name}/{above}: {why}; wanted one that is open: {wanted}")
        return above
    begun = [each for each in open_ones if each in steps]
    last = [step.above for step in climb.of(name) if step.passed or step.left_out][-1:]
    following = [each for each in open_ones if known[each] in last]
    return next(iter((*begun, *following, *open_ones)), "")


def of_file(climb: Climb, file: Path) -> Step:
    """The exercise of a file: by its name, or, where it was renamed, by its first line.

    Raises PerflabError for a file that is no exercise of the climb.
    """
    known = {step.file: step for step in climb.steps if step.file}
    if not file.is_file():
        near = ", ".join(name for name in known if (file.parent / name).is_file())
        wanted = f"wanted {near}" if near else "wanted a file that `perflab climb OP` wrote"
        raise PerflabError(f"{file}: no such file; {wanted}")
    if file.name in known:
        return known[file.name]
    first = file.read_text("utf-8", "replace").partition("\n")[0]
    for step in known.values():
        if _title(step.operation, step.below, step.above) in first:
            return step
    beside = f"{file.parent / 'climb.json'} names {', '.join(known)}" if known else "no climb.json beside it"
    raise PerflabError(f"{file}: not an exercise: {beside}; wanted it where `perflab climb OP` wrote it")


def current(climb: Climb) -> Step:
    """The exercise that was begun last and is not reached. Raises PerflabError where there is none."""
    begun = [step for step in climb.steps if step.file and not step.passed]
    if not begun:
        raise PerflabError("no exercise is begun in this folder; wanted one: perflab climb OP")
    return begun[-1]


def stages(described: Operation, below: str) -> Iterator[tuple[str, ...]]:
    """The cases on which a rung and the one below may differ, the first to be tried first.

    The study case, or the largest one that a race of seconds suits; for the root, whose plain loops would
    take too long on it, the small case. Then all others.
    """
    suited, study = _suited(described)
    first = study if described.since[below] else described.small_case
    yield (first,)
    if others := tuple(name for name in suited if name != first):
        yield others


def larger(step: Step) -> str:
    """A case with more work than an exercise's, on which its file must be right too; "" where there is none.

    A file may do something else on more samples than the small case of the first exercises has.
    """
    suited, study = _suited(catalog.operation(step.operation))
    return study if step.case in suited[suited.index(study) + 1 :] else ""


def _suited(described: Operation) -> tuple[list[str], str]:
    """The cases that a race of seconds suits, the largest first; the study case, or one in its place."""
    way, every = described.directions[-1], every_case(described)
    cost = {name: costs(described, case, DTYPE)[way] for name, case in every.items()}
    suited = [name for name in every if cost[name].bytes <= MOST_BYTES] or [described.small_case]
    suited.sort(key=lambda name: -cost[name].flops)
    return suited, described.study_case if described.study_case in suited else suited[0]


def told_apart(run: Run, below: str, above: str) -> tuple[str, float, float] | None:
    """The case on which `above` is most times as fast as `below`, and their seconds; None where on none.

    By the lower end of the ratio's interval: of several noisy ratios the largest is too large.
    """
    summary, plan = summarise(run), run.plan
    (operation,) = plan.techniques
    gains: list[tuple[float, str, float, float]] = []
    for case in plan.cases[operation]:
        cell = Cell(operation, case, plan.dtypes[0], plan.threads[0], plan.directions[-1], "")
        slow, fast = (replace(cell, technique=name) for name in (below, above))
        ratio = summary.ratio(slow, fast)
        least = 0.0 if ratio is None else ratio.value if ratio.low is None else ratio.low
        if least >= LEAST_GAIN:
            gains.append((least, case, summary.figures[slow].median_s, summary.figures[fast].median_s))
    if not gains:
        return None
    _, best, below_s, above_s = max(gains)
    return best, below_s, above_s


def share_wanted(below_s: float, above_s: float) -> float:
    """The share of the upper rung's speed that is wanted: more than 80 % where the two are near."""
    return max(SHARE, round(sqrt(above_s / below_s), 2))


def free_name(climb: Climb, folder: Path, operation: str) -> str:
    """The name of the next exercise's file: OP.py, OP-2.py and so on. Raises PerflabError if there is one."""
    count = 1 + sum(bool(step.file) for step in climb.of(operation))
    name = f"{operation}.py" if count == 1 else f"{operation}-{count}.py"
    if (folder / name).exists():
        raise PerflabError(f"{folder / name}: exists already; wanted it elsewhere, or another folder")
    return name


def written(operation: str, rung: str) -> str:
    """A rung's code that stands in any folder: whole imports; what is only compiled is written out."""
    described = catalog.operation(operation)
    names = (*tree.ancestors(described.since, rung), rung)
    texts = {name: source_file(operation, name).read_text("utf-8") for name in names}
    plain, _ = written_out(texts[rung], texts)
    return _whole_imports(plain, catalog.package(operation))


def _whole_imports(source: str, package: str) -> str:
    """The text with the package's name in the place of the dots of its relative imports."""
    lines = source.splitlines(keepends=True)
    for node in reversed([*ast.walk(ast.parse(source))]):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            names = ", ".join(ast.unparse(alias) for alias in node.names)
            module = ".".join([*base, *filter(None, [node.module])])
            indent = " " * node.col_offset
            lines[node.lineno - 1 : node.end_lineno] = [f"{indent}from {module} import {names}\n"]
    return "".join(lines)


def text(step: Step) -> str:
    """The file of an exercise: the lower rung's code below what is wanted and the formulas."""
    described = catalog.operation(step.operation)
    return starter.under(_docstring(described, step), written(step.operation, step.below))


def _title(operation: str, below: str, above: str) -> str:
    return f"Climb {operation}: from {below} to {above}."


def _docstring(described: Operation, step: Step) -> Iterator[str]:
    yield _title(step.operation, step.below, step.above)
    yield ""
    yield from textwrap.wrap(wanted(step), starter.WIDTH)
    yield ""
    yield from starter.interface(described)
    file = shlex.quote(step.file)
    yield ""
    yield "Is it right, and how far is it? Again at every save; and a hint, where you want one:"
    yield f"    perflab climb check {file} --watch"
    yield f"    perflab climb hint {file}"


def wanted(step: Step) -> str:
    """What an exercise asks for, in two sentences."""
    case = catalog.operation(step.operation).case(step.case)
    sizes = ", ".join(f"{name} = {value}" for name, value in {**case.sizes, **case.parameters}.items())
    setting = f"{step.dtype}, {words.of_threads(step.threads)}"
    return (
        f"Wanted: right, and at least {step.wanted:.0%} as fast as {step.above} on the case {step.case}"
        f" ({sizes}; {setting}). That is, over {step.below}: from {units.seconds(step.below_s, 2)} to"
        f" {units.seconds(step.above_s, 2)} a call."
    )


def allowed(operation: str, below: str, above: str) -> set[str]:
    """What of perflab's techniques an exercise's file may call: what its two rungs import or stand on."""
    since = catalog.operation(operation).since
    names = [*tree.ancestors(since, above)]
    files = [f"{operation}/{name}.py" for name in (above, below)]
    imported = [Path(name).stem for name in sources.installed(files) if name != files[0]]
    return {f"perflab's {name}" for name in (*names, *imported)}
