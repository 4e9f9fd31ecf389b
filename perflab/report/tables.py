"""The tables and lines of a report: a summary in words, for a page, for Markdown and for a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from perflab.contract import Cell
from perflab.records import kinds
from perflab.report import contest
from perflab.report.summary import BASELINE, RIVALS, CellResult, Payback, Summary
from perflab.report.words import Table, exponent, interval, of_threads, ratio, time
from perflab.statistics import Scaling, known_to
from perflab.units import in_bytes, power, rounded, seconds

ON_GROWTH = (
    "How time grows is the slope of a straight line through the measured times on log axes, the digits left"
    " out. 1 is in proportion to work; less, and a fixed cost weighs less as sizes grow; more, and something"
    " is outgrown, such as a cache. Its interval takes the scatter about the line as chance: where the line"
    " bends it is wide."
)


ON_CROSSOVERS = (
    "A crossover lies between two measured cases that both tell the two techniques apart, the intervals of"
    " their ratios beyond ±1 %. Its size is interpolated between the two on log axes; nothing is said beyond"
    " the measured sizes."
)


def times_table(
    summary: Summary, operation: str, dtype: str, direction: str, threads: int, *, best: bool = False
) -> Table:
    """Cases down, techniques across: median time, and speed-up over the baseline where there is one.

    With `best`, the fastest round stands beside the median.
    """
    plan = summary.run.plan
    techniques = plan.techniques[operation]
    rows = []
    for case in plan.cases[operation]:
        row = [case]
        for technique in techniques:
            figure = summary.cell(
                operation=operation, case=case, dtype=dtype, threads=threads, direction=direction,
                technique=technique,
            )  # fmt: skip
            faster = figure is not None and figure.speedup is not None and technique != BASELINE
            words = time(figure)
            if best and figure is not None and figure.best_s is not None:
                words += f" (min {seconds(figure.best_s, 2)})"
            row.append(words + (f"  {ratio(figure.speedup)}" if faster and figure else ""))
        rows.append(tuple(row))
    threads_word = "1 thread" if threads == 1 else f"{threads} threads"
    title = f"{summary.run.operations[operation].title}, {direction}, {dtype}, {threads_word}"
    return Table(title, ("case", *techniques), tuple(rows))


def terminal_tables(summary: Summary) -> Iterator[Table]:
    """What a terminal shows at the end: each operation's last direction in its first dtype."""
    plan = summary.run.plan
    against = against_table(summary)
    if against is not None:
        yield against
    met = contest_table(summary)
    if met is not None:
        yield met
        return
    for threads in plan.threads:
        for operation in plan.techniques:
            yield times_table(summary, operation, plan.dtypes[0], plan.directions[-1], threads)


def precision(summary: Summary) -> str:
    """How many speed-ups are known to the plan's precision, and why the others stopped."""
    plan = summary.run.plan
    held = [
        figure.speedup
        for figure in summary.figures.values()
        if figure.speedup is not None and figure.cell.technique != BASELINE
    ]
    if not held:
        return ""
    fine = sum(known_to(ratio, plan.precision) for ratio in held)
    said = f"{fine} of {len(held)} speed-ups known to ±{plan.precision:.0%}"
    return said if fine == len(held) else f"{said}; the others stopped at the budget"


def growth_table(summary: Summary, operation: str) -> Table | None:
    """How each technique's time grows with work; None where nothing was measured on two sizes."""
    directions = summary.run.plan.directions
    held: dict[tuple[str, str, int], dict[str, Scaling]] = defaultdict(dict)
    for g in summary.growths:
        if g.operation == operation:
            held[g.technique, g.dtype, g.threads][g.direction] = g.scaling
    rows = []
    for (technique, dtype, threads), found in held.items():
        sizes = " / ".join(dict.fromkeys(str(fitted.points) for fitted in found.values()))
        exponents = [exponent(found.get(direction)) for direction in directions]
        rows.append((technique, dtype, str(threads), *exponents, sizes))
    head = ("technique", "dtype", "threads", *directions, "sizes")
    title = "How time grows: in proportion to work to this power, 95 % interval"
    return Table(title, head, tuple(rows)) if rows else None


def crossover_table(summary: Summary, operation: str) -> Table | None:
    """From which size on one technique overtakes another; None where none do."""
    rows = tuple(
        (
            f"{c.technique} overtakes {c.overtaken}", c.dtype, str(c.threads), c.direction,
            f"{power(c.flops)} operations", f"{c.below} and {c.above}",
        )
        for c in summary.crossovers
        if c.operation == operation
    )  # fmt: skip
    head = ("crossover", "dtype", "threads", "direction", "from", "between")
    return Table("Crossovers", head, rows) if rows else None


def no_crossover(summary: Summary, operation: str) -> str:
    """Why there is no table of crossovers."""
    if not summary.fit:
        return "The machine was unfit to measure: whether one technique overtakes another is not said."
    if any(f.speedup is not None and f.speedup.low is not None for f in summary.of(operation=operation)):
        return "No technique overtakes another within the measured sizes."
    return "Too little was measured to say whether one technique overtakes another."


def against_table(summary: Summary) -> Table | None:
    """Today's techniques over another commit's, measured in turn; None where there is no other commit."""
    rows = []
    commits = set()
    for cell, figure in summary.figures.items():
        name, at, commit = cell.technique.partition("@")
        if not at or figure.predicted:
            continue
        today = replace(cell, technique=name)
        held = summary.ratio(cell, today)
        if held is not None:
            commits.add(commit)
            where = (f"{cell.operation}/{name}", cell.case, cell.dtype, cell.direction, str(cell.threads))
            rows.append((*where, interval(held), held.verdict))
    head = ("implementation", "case", "dtype", "direction", "threads", "times as fast today", "verdict")
    return Table(f"Today against {', '.join(sorted(commits))}", head, tuple(rows)) if rows else None


def best_table(summary: Summary) -> Table:
    """The fastest rung on the case that most techniques met on, and its share of the roof."""
    plan = summary.run.plan
    rows = []
    for operation in plan.techniques:
        case = summary.common_case(operation)
        for dtype in plan.dtypes:
            for threads in plan.threads:
                for direction in plan.directions:
                    where = {"operation": operation, "case": case, "dtype": dtype, "threads": threads}
                    found = [
                        f
                        for f in summary.of(**where, direction=direction)
                        if not f.predicted and plan.is_built_in(operation, f.cell.technique)
                    ]
                    if not found:
                        continue
                    best = min(found, key=lambda f: f.median_s)
                    rows.append((
                        operation, case, dtype, direction, str(threads), best.cell.technique, time(best),
                        rounded(best.gflops, 3), rounded(best.gbytes_s, 3), *roof_words(summary, best),
                    ))  # fmt: skip
    head = (
        "operation", "case", "dtype", "direction", "threads", "fastest rung", "time", "GFLOP/s", "GB/s",
        "of the roof", "which is",
    )  # fmt: skip
    return Table("The fastest rung, and how much of what the machine allows it reaches", head, tuple(rows))


def roof_words(summary: Summary, figure: CellResult) -> tuple[str, str]:
    """A figure's share of the machine's roof and which limb binds, or dashes without ceilings."""
    limit = summary.roof(figure)
    if limit is None:
        return "–", "–"
    share = limit.seconds / figure.median_s
    return f"{share:.0%}" if share >= 0.005 else "under 1%", limit.limb


def contest_table(summary: Summary) -> Table | None:
    """The best rung against the best peer, cell by cell; None where no peer was measured."""
    rows = []
    for met in contest.meetings(summary):
        c = met.cell
        rows.append((
            c.operation, c.case, c.dtype, str(c.threads), c.direction,
            met.rung.cell.technique, time(met.rung), roof_words(summary, met.rung)[0],
            in_bytes(summary.memory.get(met.rung.cell)), met.peer.cell.technique, time(met.peer),
            interval(met.ratio), met.ratio.verdict,
        ))  # fmt: skip
    head = (
        "operation", "case", "dtype", "threads", "direction",
        "best rung", "its time", "of the roof", "memory beyond", "best peer", "its time",
        "times as fast as the peer", "verdict",
    )  # fmt: skip
    return Table("The contest: the best rung against the best peer", head, tuple(rows)) if rows else None


def memory_table(summary: Summary, operation: str, dtype: str, threads: int) -> Table | None:
    """What a step of each technique holds beyond inputs and outputs; None where that was not measured."""
    techniques = [t for t in summary.run.plan.techniques[operation] if t not in summary.run.plan.homes]
    rows = []
    for case in summary.run.plan.cases[operation]:
        cells = [Cell(operation, case, dtype, threads, "step", technique) for technique in techniques]
        if any(cell in summary.memory for cell in cells):
            rows.append((case, *(in_bytes(summary.memory.get(cell)) for cell in cells)))
    title = f"Memory beyond inputs and outputs at the worst moment of a step, {dtype}, {of_threads(threads)}"
    return Table(title, ("case", *techniques), tuple(rows)) if rows else None


def contest_lines(summary: Summary) -> list[str]:
    """What the contest came to: the means, and every cell in which a peer was faster, with its reason."""
    met = contest.meetings(summary)
    if not met:
        return []
    behind = contest.lost(met)
    lines = [
        f"best rung against best peer: ×{rounded(contest.geometric_mean(met), 3)}, the geometric mean of"
        f" {len(met)} cells; ahead in {len(met) - len(behind)} of them"
    ]
    for operation, of_one in contest.by_operation(met).items():
        least = min(of_one, key=lambda m: m.ratio.value)
        lines.append(
            f"{operation}: ×{rounded(contest.geometric_mean(of_one), 3)} over {len(of_one)} cells, least"
            f" {ratio(least.ratio)} ({least.cell.case} {least.cell.dtype} {least.cell.direction},"
            f" {of_threads(least.cell.threads)})"
        )
    for m in behind:
        c = m.cell
        lines.append(
            f"behind: {c.operation} {c.case} {c.dtype} {c.direction}, {of_threads(c.threads)}:"
            f" {m.rung.cell.technique} {interval(m.ratio)} of {m.peer.cell.technique};"
            f" {rounded(m.rung.gflops, 3)} GFLOP/s and {rounded(m.rung.gbytes_s, 3)} GB/s"
            f" against {rounded(m.peer.gflops, 3)} and {rounded(m.peer.gbytes_s, 3)};"
            f" {contest.why_behind(summary, m)}"
        )
    return lines


def checks_table(summary: Summary) -> Table:
    """What the oracle saw on the timed inputs."""
    rows = tuple(
        (
            f"{c.operation}/{c.technique}", c.case, c.dtype, f"{c.share:.3f}", c.where, c.precision,
            "same bits" if c.repeatable else "within bound",
        )
        for c in summary.checks
    )  # fmt: skip
    head = ("implementation", "case", "dtype", "error / bound", "worst", "held to", "after timing")
    return Table("Verified on the timed inputs, before the clock started and after it stopped", head, rows)


def compile_table(summary: Summary) -> Table | None:
    """What compiled implementations cost before their first figure; None where there are none."""
    rows = []
    for c in summary.compilations:
        paid = {payback.against: payback for payback in c.paybacks}
        rows.append(
            (
                f"{c.operation}/{c.technique}", c.dtype,
                seconds(c.compile_s, 2) if c.compile_s else "–", seconds(c.load_s, 2) if c.load_s else "–",
                *(calls(paid.get(rival)) for rival in RIVALS),
            )
        )  # fmt: skip
    pays = [f"pays for itself against {rival} after" for rival in RIVALS]
    head = ("implementation", "dtype", "compiled from nothing", "loaded from the cache", *pays)
    plan = summary.run.plan
    title = (
        "Compilation, forward and backward, outside every timed call; paid for in calls of"
        f" {plan.directions[-1]} on the largest case that both were measured on"
    )
    return Table(title, head, tuple(rows)) if rows else None


def calls(held: Payback | None) -> str:
    """After how many calls a compilation has paid for itself, and where; or what was shown instead."""
    if held is None:
        return "–"
    if held.calls is not None:
        count = rounded(held.calls, 2) if held.calls >= 100 else str(held.calls)
        return f"{count} call{'s' if held.calls != 1 else ''} on {held.case}"
    if held.ratio.verdict in ("SLOWER", "SAME"):
        return f"never on {held.case}: not faster"
    return f"unclear on {held.case}: {held.ratio.verdict}"


def fitness(summary: Summary) -> Iterator[tuple[str, str]]:
    """What self-checks said of the machine: the state, and a line about it."""
    for record in summary.run.of_kind(kinds.Fitness):
        state, reasons = record.state, "; ".join(why.rstrip(".") for why in record.reasons)
        if state == "fit":
            flagged = f"{record.false_alarms} times in {record.contests}"
            yield state, f"the machine was fit: a copy against itself was flagged {flagged}"
        elif state == "unfit":
            yield state, f"the machine was unfit to measure, so that no ratio has a verdict: {reasons}"
        else:
            yield state, f"the machine was {state if state == 'noisy' else 'not checked'}: {reasons}"


def closing_lines(summary: Summary, whole: bool = True) -> list[str]:
    """The last lines of a run in a terminal; not `whole`, the contest in one line of them."""
    measured = sum(not f.predicted for f in summary.figures.values())
    predicted = len(summary.figures) - measured
    lines = [f"{measured} cells measured" + (f", {predicted} predicted and not run" if predicted else "")]
    if summary.outstanding:
        lines[0] += f", {summary.outstanding} still to be measured"
    if summary.wall_s:
        share = summary.timed_s / summary.wall_s
        lines.append(f"{summary.wall_s:.0f} s, {share:.0%} of them inside timed calls")
    lines += [line for line in [precision(summary)] if line]
    lines += contest_lines(summary)[: None if whole else 1]
    lines += [line for state, line in fitness(summary) if state in ("noisy", "unfit")]
    lines += [
        f"not shown: {f.operation}/{f.technique} on {f.case} {f.dtype}: {f.reason}" for f in summary.findings
    ]
    return lines


ON_THE_ROOF = (
    "The roof of a cell is the larger of two times: the operation's arithmetic at the best rate of"
    " multiply-adds or matrix product that this machine reached, and its compulsory bytes at the"
    " best traffic of arrays as large as they are. An algorithm that does fewer"
    " multiplications than the definition can pass it."
)
