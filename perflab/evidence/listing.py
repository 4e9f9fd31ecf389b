"""The assembly of a rung's hot loop, each instruction with the source line that it came from.

    listing = gather("conv2d", "jit", "float32")
    listing.ways["forward"].loop.instructions[0].line

Numba's own `debug=True` changes what is compiled. Here a process of its own compiles the rung once more with
line numbers alone: no variables, the same optimisation. The loops of both are compared, and `same` says
whether the listing is that of the code which is timed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perflab import catalog
from perflab.contract import PerflabError
from perflab.evidence import line_numbers, permitted
from perflab.evidence.assembly import Loop
from perflab.evidence.code import codes, hot_loop_of
from perflab.evidence.graph import Instruction
from perflab.machine import process
from perflab.records.evidence import Code, Counts

LINES = "lines"  # the folder in Numba's cache for what is compiled with line numbers
WAIT_S = 600.0


@dataclass(frozen=True)
class Way:
    """One direction: its hot loop; has the timed code the same arithmetic? None under a permission."""

    loop: Loop | None
    same: bool | None
    why_none: str = ""


@dataclass(frozen=True)
class Listing:
    """The hot loops of one technique in one dtype, compiled for `case`."""

    operation: str
    technique: str
    dtype: str
    case: str
    ways: Mapping[str, Way]


def gather(operation: str, technique: str, dtype: str) -> Listing:
    """The hot loops of a built-in technique, or of one under a permission (`jit+reassociate`).

    Raises PerflabError for an unknown permission, and where the second compilation fails.
    """
    cache = catalog.prepare_numba_cache()
    name, permission = permitted.split(technique)
    case, timed = codes(operation, name, dtype)
    order = {"operation": operation, "technique": name, "dtype": dtype, "permission": permission}
    # Numba does not tell permissions apart in a cache.
    variables = {"NUMBA_CACHE_DIR": str(Path(cache) / (LINES + permission))}
    loops: dict[str, Any] = dict.fromkeys(timed)
    try:
        if any(code for code, _ in timed.values()):
            loops = process.call("perflab.evidence.listing:child", order, WAIT_S, variables=variables)
    except PerflabError as error:
        raise PerflabError(f"{operation}/{technique}: no line numbers from this Numba: {error}") from error
    ways = {way: _compared(*timed[way], loops[way], permission) for way in timed}
    return Listing(operation, technique, dtype, case, ways)


def _compared(code: Code | None, why: str, fields: Mapping[str, Any], permission: str) -> Way:
    """The loop from the child's fields; compared with the code that is timed, but not under a permission."""
    if code is None or fields["loop"] is None:
        return Way(None, True, why or "none of its loops does floating-point arithmetic")
    counts = Counts(**fields["loop"]["counts"])
    instructions = tuple(Instruction(**each) for each in fields["loop"]["instructions"])
    loop = Loop(**fields["loop"] | {"instructions": instructions, "counts": counts})
    again = Counts(**fields["code"]["whole"]), fields["code"]["loops"], counts
    return Way(loop, None if permission else (code.whole, code.loops, code.hot) == again)


def child(operation: str, technique: str, dtype: str, permission: str) -> dict[str, Any]:
    """In a process of its own: compile with line numbers; the hot loops as plain JSON."""
    line_numbers.mark()
    permitted.give(permission)
    loops: dict[str, Any] = {}
    for name, (code, _) in codes(operation, technique, dtype)[1].items():
        loop = hot_loop_of(operation, technique, name, dtype) if code else None
        loops[name] = {"loop": loop and asdict(loop), "code": code and asdict(code)}
    return loops
