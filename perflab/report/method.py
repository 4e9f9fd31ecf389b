"""How a run was measured and how its figures are to be read, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from perflab.records import kinds
from perflab.report.drawn import BEHIND
from perflab.report.summary import Summary
from perflab.units import seconds

ON_RATIOS = (
    "Ratios are medians of paired ratios within a pass. Intervals are 95 % intervals and assume no"
    " distribution."
)
ON_GROWTH = (
    "How time grows is the slope of a straight line through the measured times on log axes, without the"
    " handwritten digits. A slope of 1 means that time is proportional to work. A smaller slope means that a"
    " fixed cost matters less for larger sizes. A larger slope means that larger sizes exceed a limit, such"
    " as the size of a cache. The interval treats the scatter about the line as random: it is wide where the"
    " line bends."
)
ON_CROSSOVERS = (
    "A crossover is between two measured cases. In both of them one technique is clearly faster: the interval"
    " of their ratio is beyond ±1 %. Its size is interpolated between the two on log axes; nothing is"
    " extrapolated beyond the measured sizes. Along a swept size a crossover has a 95 % interval: the sizes"
    " at which the interval of the ratio holds 1."
)
ON_THE_ROOF = (
    "The roof of a cell is the larger of two times: the operation's arithmetic at the best measured rate of"
    " multiply-adds or matrix products on this machine, and its compulsory bytes at the best measured"
    " bandwidth for arrays of this size. An algorithm that needs fewer multiplications than the definition"
    " can be faster than the roof."
)
ON_THE_CONTEST = (
    "The fastest rung and the fastest column of any peer, by their medians. GFLOP/s and GB/s count what the"
    " operation needs, not what an implementation does."
)
ON_DRAWN = (
    "Every second shape is a layer of a public network, the others are random ones about such layers. The"
    " ratio of a cell is the time of the fastest column of any peer over the time of the rung: of auto, which"
    " chooses by the sizes, or of the best rung of the cell where an operation has no auto. A cell is behind"
    f" where its ratio is under {BEHIND}, and surely so where its whole 95 % interval is."
)


def measured(summary: Summary) -> str:
    """In which processes and for how long the cells were measured, and which were only predicted."""
    return " ".join([*_time(summary), ON_RATIOS])


def _time(summary: Summary) -> Iterator[str]:
    run, plan = summary.run, summary.run.plan
    given = f"{run.granted_s:.0f} s, compilation, evidence and report included"
    in_turn = (
        "in a pass the contenders of a case run in turn, in rotated order;"
        f" threads {', '.join(map(str, plan.threads))}."
    )
    if plan.phases:
        count = sum(1 for _ in run.of_kind(kinds.Process))
        yield f"The time of the run was {given}." if run.granted_s else "The time of the run had no limit."
        yield (
            f"{count} new {'process' if count == 1 else 'processes'} measured one after the other: first"
            " every case a few times, then those with the widest intervals again, until every ratio was known"
            f" to ±{plan.precision:.0%} twice in a row or the time was spent; {in_turn}"
        )
    else:
        limit = f", in {given}" if run.granted_s else ""
        yield f"{plan.processes} new processes with {plan.passes} passes in each{limit}; {in_turn}"
    yield f"A cell that would take more than {seconds(run.cell_s, 2)} in all was predicted and not run."
