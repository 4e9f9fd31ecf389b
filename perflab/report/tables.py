"""The tables and sentences of a report, for the page, for Markdown and for a terminal."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import product

from perflab.contract import Cell
from perflab.records import kinds
from perflab.report import contest, drawn, sweep, words
from perflab.report.summary import RIVALS, Accuracy, CellResult, Payback, Summary
from perflab.report.words import Table, exponent, interval, number_of_calls, of_threads, ratio, time
from perflab.statistics import Scaling, known_to
from perflab.units import in_bytes, power, rounded, seconds

MOST_UNREACHED = 3  # names in a line


def times_table(
    summary: Summary, operation: str, dtype: str, direction: str, threads: int, *, best: bool = False
) -> Table:
    """Cases in rows, techniques in columns: median time, and how many times as fast as the baseline.

    With `best`, the fastest round is beside the median. A case on which the ratios are over another technique
    than the baseline says so.
    """
    techniques, baseline = summary.run.plan.techniques[operation], summary.run.plan.baseline
    rows = []
    for case in summary.run.plan.cases[operation]:
        over = summary.over(Cell(operation, case, dtype, threads, direction, ""))
        label = summary.label(operation, case)
        row = [label if over in ("", baseline) else f"{label}, × over {over}"]
        for technique in techniques:
            figure = summary.figures.get(Cell(operation, case, dtype, threads, direction, technique))
            text = time(figure)
            if best and figure and figure.best_s is not None:
                text += f" (min {seconds(figure.best_s, 2)})"
            if figure and technique != over and (times := summary.shown(figure)):
                text += f"  {ratio(times)}"
            row.append(text)
        rows.append(tuple(row))
    title = f"{summary.title(operation)}, {direction}, {dtype}, {of_threads(threads)}, × over {baseline}"
    title += f"; all of {same}" if (same := summary.common_size(operation)) else ""
    return Table(title, ("case", *techniques), tuple(rows), across="technique")


def terminal_tables(summary: Summary) -> Iterator[Table]:
    """The tables at the end of a run in a terminal: each operation's last direction in its first dtype.

    Without the cases of which nothing is known yet.
    """
    plan = summary.run.plan
    if against := against_table(summary):
        yield against
    if plan.drawn:
        yield from filter(None, (drawn.group_table(summary), drawn.worst_table(summary)))
        return
    if peers := contest_table(summary):
        yield peers
        return
    for threads, operation in product(plan.threads, plan.techniques):
        table = times_table(summary, operation, plan.dtypes[0], plan.directions[-1], threads)
        rows = tuple(row for row in table.rows if {*row[1:]} != {time(None)})
        if rows:
            yield replace(table, rows=rows)
        crossovers = sweep.crossover_table(summary, operation)
        if crossovers and threads == plan.threads[0]:
            where = plan.dtypes[0], str(threads), plan.directions[-1]
            told = tuple(row for row in crossovers.rows if row[1:4] == where)
            yield replace(crossovers, rows=told)


def precision(summary: Summary) -> str:
    """How many speed-ups are known to the plan's precision; for the others the time did not suffice."""
    precision = summary.run.plan.precision
    others = [f for f in summary.figures.values() if f.cell.technique != summary.over(f.cell)]
    precise = [known_to(ratio, precision) for f in others if (ratio := summary.shown(f))]
    if not precise:
        return ""
    text = f"{sum(precise)} of {len(precise)} speed-ups known to ±{precision:.0%}"
    return text if all(precise) else f"{text}; for the others the time did not suffice"


def growth_table(summary: Summary, operation: str) -> Table | None:
    """How each technique's time grows with work; None if no technique was measured on two sizes."""
    directions = summary.run.plan.directions
    scalings: dict[tuple[str, str, str], dict[str, Scaling]] = defaultdict(dict)
    for g in summary.growths:
        if g.operation == operation:
            scalings[g.technique, g.dtype, str(g.threads)][g.direction] = g.scaling
    rows = []
    for contender, by_direction in scalings.items():
        sizes = " / ".join(dict.fromkeys(str(scaling.points) for scaling in by_direction.values()))
        rows.append((*contender, *(exponent(by_direction.get(name)) for name in directions), sizes))
    head = ("technique", "dtype", "threads", *directions, "sizes")
    title = "How time grows: proportional to this power of work, 95 % interval"
    return Table(title, head, tuple(rows)) if rows else None


def crossover_table(summary: Summary, operation: str) -> Table | None:
    """From which size on one technique overtakes another; None without any."""
    rows = tuple(
        (
            f"{c.technique} overtakes {c.overtaken}", c.dtype, str(c.threads), c.direction,
            f"{power(c.flops)} operations",
            f"{summary.label(operation, c.below)} and {summary.label(operation, c.above)}",
        )
        for c in summary.crossovers
        if c.operation == operation
    )  # fmt: skip
    head = ("crossover", "dtype", "threads", "direction", "from", "between")
    return Table("Crossovers", head, rows) if rows else None


def no_crossover(summary: Summary, operation: str) -> str:
    """Why there is no table of crossovers."""
    if not summary.fit:
        return "The machine was unfit to measure, so no crossover is reported."
    if any(f.speedup is not None and f.speedup.low is not None for f in summary.of(operation=operation)):
        return "No technique overtakes another within the measured sizes."
    return "Too little was measured to say whether one technique overtakes another."


def against_table(summary: Summary) -> Table | None:
    """Today's techniques over those of other commits, measured in turn; None without another commit."""
    others = [c for c, figure in summary.figures.items() if "@" in c.technique and not figure.predicted]
    commits = list(dict.fromkeys(c.technique.partition("@")[2] for c in others))
    rows = []
    for c in others:
        name = c.technique.partition("@")[0]
        if today := summary.ratio(c, replace(c, technique=name)):
            shown = name if len(commits) == 1 else c.technique
            where = (f"{c.operation}/{shown}", c.case, c.dtype, c.direction, str(c.threads))
            rows.append((*where, interval(today), today.verdict))
    head = ("implementation", "case", "dtype", "direction", "threads", "times as fast today", "verdict")
    return Table(f"Today compared with {', '.join(commits)}", head, tuple(rows)) if rows else None


def best_table(summary: Summary) -> Table:
    """The fastest rung on each operation's common case, and its share of the roof."""
    plan = summary.run.plan
    rows = []
    for operation, dtype, threads, direction in summary.contests():
        case = summary.common_case(operation)
        where = {"operation": operation, "case": case, "dtype": dtype, "threads": threads}
        figures = summary.measured(**where, direction=direction)
        rungs = [f for f in figures if plan.is_built_in(operation, f.cell.technique)]
        if rungs:
            best = min(rungs, key=lambda f: f.median_s)
            rows.append((
                operation, summary.label(operation, case), dtype, direction, str(threads),
                best.cell.technique, time(best),
                rounded(best.gflops, 3), rounded(best.gbytes_s, 3), *roof_words(summary, best),
            ))  # fmt: skip
    head = (
        "operation", "case", "dtype", "direction", "threads", "fastest rung", "time", "GFLOP/s", "GB/s",
        "of the roof", "limited by",
    )  # fmt: skip
    return Table("The fastest rung, and its share of what the machine allows", head, tuple(rows))


def roof_words(summary: Summary, figure: CellResult) -> tuple[str, str]:
    """A figure's share of the machine's roof and what limits it, or dashes without ceilings."""
    limit = summary.roof(figure)
    if limit is None:
        return "–", "–"
    share = limit.seconds / figure.median_s
    return f"{share:.0%}" if share >= 0.005 else "under 1%", limit.limb


def contest_table(summary: Summary) -> Table | None:
    """The best rung and the best peer, cell by cell; None if no peer was measured."""
    met = contest.meetings(summary)
    rows = tuple(
        (
            m.cell.operation, summary.label(m.cell.operation, m.cell.case), m.cell.dtype,
            str(m.cell.threads), m.cell.direction,
            m.rung.cell.technique, time(m.rung), roof_words(summary, m.rung)[0],
            in_bytes(summary.memory.get(m.rung.cell)), m.peer.cell.technique, time(m.peer),
            interval(m.ratio), m.ratio.verdict,
        )
        for m in met
    )  # fmt: skip
    head = (
        "operation", "case", "dtype", "threads", "direction", "rung", "its time", "of the roof",
        "memory beyond", "best peer", "its time", "times as fast as the peer", "verdict",
    )  # fmt: skip
    title = f"The contest: {contest.of_the_rungs(met)} against the best peer"
    return Table(title, head, rows) if rows else None


def memory_table(summary: Summary, operation: str, dtype: str, threads: int) -> Table | None:
    """The peak memory of a step beyond inputs and outputs, by technique; None if it was not measured."""
    techniques = [t for t in summary.run.plan.techniques[operation] if t not in summary.run.plan.homes]
    rows = []
    for case in summary.run.plan.cases[operation]:
        cells = [Cell(operation, case, dtype, threads, "step", technique) for technique in techniques]
        if any(cell in summary.memory for cell in cells):
            rows.append(
                (summary.label(operation, case), *(in_bytes(summary.memory.get(cell)) for cell in cells))
            )
    title = f"Peak memory of a step beyond inputs and outputs, {dtype}, {of_threads(threads)}"
    return Table(title, ("case", *techniques), tuple(rows)) if rows else None


def contest_lines(summary: Summary) -> list[str]:
    """The results of the contest: the means, and every cell in which a peer was faster, with its reason."""
    if summary.run.plan.drawn:
        return drawn.lines(summary)
    meetings = contest.meetings(summary)
    if not meetings:
        return []
    behind = contest.lost(meetings)
    lines = [
        f"best rung against best peer: ×{rounded(contest.geometric_mean(meetings), 3)}, the geometric mean of"
        f" {len(meetings)} cells; ahead in {len(meetings) - len(behind)} of them"
    ]
    for operation in dict.fromkeys(m.cell.operation for m in meetings):
        group = [m for m in meetings if m.cell.operation == operation]
        least = min(group, key=lambda m: m.ratio.value)
        lines.append(
            f"{operation}: ×{rounded(contest.geometric_mean(group), 3)} over {len(group)} cells, least"
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
    """The largest errors on the timed inputs: an implementation in one dtype a row, over all its cases."""
    checks: dict[tuple[str, str], list[Accuracy]] = defaultdict(list)
    for check in summary.checks:
        checks[f"{check.operation}/{check.technique}", check.dtype].append(check)
    rows = []
    for who, found in checks.items():
        worst = max(found, key=lambda check: check.share)
        same = all(check.repeatable for check in found)
        rows.append((
            *who, str(len(found)), f"{worst.share:.3f}",
            summary.label(worst.operation, worst.case), worst.where, worst.precision,
            "same bits" if same else "within bound",
        ))  # fmt: skip
    head = (
        "implementation",
        "dtype",
        "inputs",
        "largest error / bound",
        "on",
        "worst",
        "tolerance",
        "after timing",
    )
    return Table("Verified on the timed inputs, before and after timing", head, tuple(rows))


def verified_line(summary: Summary) -> str:
    """How many implementations were right on how many timed inputs, and the largest error."""
    if not summary.checks:
        return ""
    worst = max(summary.checks, key=lambda check: check.share)
    implementations = {(check.operation, check.technique) for check in summary.checks}
    return (
        f"{len(implementations)} implementations were right on all {len(summary.checks)} inputs that were"
        f" timed, before and after timing. The largest error is {worst.share:.3f} of its rounding bound"
        f" ({worst.operation}/{worst.technique}, {worst.where}, {worst.case}, {worst.dtype})."
    )


def compile_table(summary: Summary) -> Table | None:
    """What compiled implementations cost before their first call; None without any."""
    rows = []
    for c in summary.compilations:
        paybacks = {payback.against: payback for payback in c.paybacks}
        costs = [seconds(cost, 2) if cost else "–" for cost in (c.compile_s, c.load_s)]
        paid = [calls(paybacks.get(rival), partial(summary.label, c.operation)) for rival in RIVALS]
        rows.append((f"{c.operation}/{c.technique}", c.dtype, *costs, *paid))
    pays = [f"pays for itself against {rival} after" for rival in RIVALS]
    head = ("implementation", "dtype", "full compilation", "loaded from the cache", *pays)
    title = (
        "Compilation, forward and backward, outside every timed call; paid for in calls of"
        f" {summary.run.plan.directions[-1]} on the largest case on which both were measured"
    )
    return Table(title, head, tuple(rows)) if rows else None


def calls(payback: Payback | None, label: Callable[[str], str] = str) -> str:
    """After how many calls a compilation has paid for itself, and on which case, by its label."""
    if payback is None:
        return "–"
    case = label(payback.case)
    if payback.calls is not None:
        return f"{number_of_calls(payback.calls)} on {case}"
    if payback.ratio.verdict in ("SLOWER", "SAME"):
        return f"never on {case}: not faster"
    return f"unclear on {case}: {payback.ratio.verdict}"


def fitness(summary: Summary) -> Iterator[tuple[str, str]]:
    """The results of the self-checks: the state, and a sentence about it."""
    for record in summary.run.of_kind(kinds.Fitness):
        state, reasons = record.state, "; ".join(why.rstrip(".") for why in record.reasons)
        if state == "fit":
            flagged = f"{record.false_alarms} times in {record.contests}"
            yield state, f"the machine was fit: a copy compared with itself was flagged {flagged}"
        elif state == "unfit":
            yield state, f"the machine was unfit to measure, so that no ratio has a verdict: {reasons}"
        else:
            yield state, f"the machine was {state if state == 'noisy' else 'not checked'}: {reasons}"


def closing_lines(summary: Summary, whole: bool = True) -> list[str]:
    """The last lines of a run in a terminal; if not `whole`, with one line about the contest."""
    lines = [cells_line(summary)]
    if summary.outstanding:
        lines[0] += f", {summary.outstanding} still to be measured"
    if summary.wall_s:
        share = summary.timed_s / summary.wall_s
        lines.append(f"{summary.wall_s:.0f} s, {share:.0%} of them inside timed calls")
    lines += filter(None, [precision(summary)])
    lines += filter(None, [unreached_line(summary)])
    lines += contest_lines(summary)[: None if whole else 1]
    lines += [*machine_warnings(summary), *borrowed_lines(summary)]
    return lines + remark_lines(summary) + finding_lines(summary)


def unreached_line(summary: Summary) -> str:
    """What was not compiled in the run's time, so has no figure, and what would reach it; "" without any."""
    compiled = [*summary.run.of_kind(kinds.Compiled)]
    left = {name: needed_s for record in compiled for name, needed_s in record.left.items()}
    reached = {name for record in compiled for name in record.names}
    reached |= {f"{cell.operation}/{cell.technique}/{cell.dtype}" for cell in summary.figures}
    names = [name for name in left if name not in reached]
    if not names:
        return ""
    shown = [f"{' '.join(n.rsplit('/', 1))} (about {seconds(left[n], 2)})" for n in names[:MOST_UNREACHED]]
    others = [f"{len(names) - len(shown)} more"] if len(names) > len(shown) else []
    minutes = math.ceil(max(record.more_s for record in compiled) / 60)
    return (
        f"not compiled in the time of this run: {', '.join(shown + others)};"
        f" perflab run --resume --for {minutes}m would reach {'them' if len(names) > 1 else 'it'}"
    )


def borrowed_lines(summary: Summary) -> list[str]:
    """What outside files call of perflab's own techniques and of other libraries, a line for each file."""
    return [f"{name} calls {', '.join(others)}" for name, others in summary.run.called().items()]


def cells_line(summary: Summary, mark: str = "") -> str:
    """How many cells were measured and predicted; the `mark` follows the word "run"."""
    measured = sum(not f.predicted for f in summary.figures.values())
    predicted = len(summary.figures) - measured
    return f"{measured} cells measured" + (f", {predicted} predicted and not run{mark}" if predicted else "")


def machine_warnings(summary: Summary) -> list[str]:
    """The sentences about self-checks that did not find the machine fit."""
    return [line for state, line in fitness(summary) if state in ("noisy", "unfit")]


def remark_lines(summary: Summary) -> list[str]:
    """What verification had to say of right contenders, and why an outside file was not run in a dtype."""
    lines = words.remark_lines(
        (verdict.contender.operation, verdict.contender.technique, remark)
        for verdict in summary.run.of_kind(kinds.Judgement)
        for remark in verdict.remarks
    )
    for each in summary.run.of_kind(kinds.Prediction):
        if each.contender.name in summary.run.plan.foreign and not each.seconds:
            lines.append(f"{each.contender.name}: {each.basis}")
    return [*dict.fromkeys(lines)]


def finding_lines(summary: Summary) -> list[str]:
    """The contenders without a valid figure, and why; each line begins with its status."""
    return [
        f"{f.status}: {f.operation}/{f.technique} on {f.case} {f.dtype}: {f.why}" for f in summary.findings
    ]
