"""Given an implementation: why is it fast? Its instructions, memory, interpreter steps and lines."""

from perflab.evidence.code import codes, hot_loop_of
from perflab.evidence.compiled import workspace
from perflab.evidence.gathering import examine, gather, gather_all
from perflab.evidence.lines import code_lines
from perflab.evidence.scene import fitting
from perflab.evidence.steps import Trace, watched

__all__ = [
    "Trace", "code_lines", "codes", "examine", "fitting", "gather", "gather_all", "hot_loop_of", "watched",
    "workspace",
]  # fmt: skip
