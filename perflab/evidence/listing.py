"""The assembly of a rung's hot loop, each instruction with the source line that it came from.

    listing = gather("conv2d", "jit", "float32")
    listing.ways["forward"].loop.instructions[0].line

Numba's own `debug=True` changes what is compiled. Here a process of its own compiles the rung once more with
line numbers alone: no variables, no other optimisation. What the loops of the two then hold is compared, and
`same` says whether the listing is that of the code which is timed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perflab import catalog
from perflab.contract import PerflabError
from perflab.evidence.assembly import Instruction, Loop
from perflab.evidence.code import codes, hot_loop_of
from perflab.machine import process
from perflab.records.evidence import Code, Counts

LINES = "lines"  # the folder in Numba's cache for what is compiled with line numbers
WAIT_S = 600.0


@dataclass(frozen=True)
class Way:
    """One direction: its hot loop, and whether the code that is timed holds the same arithmetic."""

    loop: Loop | None
    same: bool
    why_none: str = ""


@dataclass(frozen=True)
class Listing:
    """The hot loops of one technique in one dtype, compiled for `case`."""

    operation: str
    technique: str
    dtype: str
    case: str
    ways: Mapping[str, Way]

    def plain(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def gather(operation: str, technique: str, dtype: str) -> Listing:
    """The hot loops of a built-in technique. Raises PerflabError where the second compilation fails."""
    cache = catalog.prepare_numba_cache()
    case, timed = codes(operation, technique, dtype)
    if not any(found[0] for found in timed.values()):
        return Listing(
            operation, technique, dtype, case,
            {name: Way(None, True, why) for name, (_, why) in timed.items()},
        )  # fmt: skip
    order = {"operation": operation, "technique": technique, "dtype": dtype}
    variables = {"NUMBA_CACHE_DIR": str(Path(cache) / LINES)}
    try:
        loops = process.call("perflab.evidence.listing:child", order, WAIT_S, variables=variables)
    except PerflabError as error:
        raise PerflabError(f"{operation}/{technique}: no line numbers from this Numba: {error}") from error
    return Listing(
        operation, technique, dtype, case,
        {name: _way(*timed[name], loops[name]) for name in timed},
    )  # fmt: skip


def _way(code: Code | None, why: str, held: Mapping[str, Any]) -> Way:
    """What the child found, beside what the code that is timed holds."""
    if code is None or held["loop"] is None:
        return Way(None, True, why or "none of its loops does floating-point arithmetic")
    loop = held["loop"]
    found = Loop(
        loop["function"],
        tuple(Instruction(**one) for one in loop["instructions"]),
        Counts(**loop["counts"]),
        loop["weight"],
    )
    same = (code.whole, code.loops, code.hot) == (Counts(**held["whole"]), held["loops"], found.counts)
    return Way(found, same)


def child(operation: str, technique: str, dtype: str) -> dict[str, Any]:
    """In a process of its own: compile with line numbers; the hot loops as plain JSON."""
    os.environ.setdefault("NUMBA_CACHE_DIR", catalog.prepare_numba_cache())
    _with_line_numbers()
    loops: dict[str, Any] = {}
    _, found = codes(operation, technique, dtype)
    for name, (code, _) in found.items():
        loop = hot_loop_of(operation, technique, name, dtype) if code else None
        loops[name] = {
            "loop": asdict(loop) if loop else None,
            "whole": asdict(code.whole) if code else None,
            "loops": code.loops if code else 0,
        }
    return loops


def _with_line_numbers() -> None:
    """Have Numba mark every instruction with its line, and change nothing else that it does."""
    from numba.core import cpu, debuginfo

    class Lines(debuginfo.DIBuilder):  # type: ignore[misc]
        """Line numbers without variables or types: LLVM optimises as if they were not there."""

        def _di_compile_unit(self) -> Any:
            self.emission_kind = "LineTablesOnly"
            return super()._di_compile_unit()

        def mark_variable(self, *_: Any, **__: Any) -> None:
            """Leave variables out: they would have to be kept in memory."""

    finalize = cpu.CPUTargetOptions.finalize

    def with_lines(options: Any, flags: Any, given: Any) -> None:
        finalize(options, flags, given)
        flags.debuginfo, flags.dbg_directives_only = True, True

    cpu.CPUTargetOptions.finalize = with_lines
    cpu.CPUContext.DIBuilder = Lines
    warnings.filterwarnings("ignore", message="Could not find source")  # of Numba's own lambdas
