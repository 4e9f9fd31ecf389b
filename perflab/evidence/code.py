"""The assembly of what Numba compiled, counted."""

from __future__ import annotations

from functools import cache
from typing import Any

from perflab import catalog
from perflab.contract import Implementation, Operation
from perflab.evidence.assembly import Loop, hot_loop, read
from perflab.evidence.compiled import compiled_of, dispatchers_of
from perflab.evidence.scene import Scene, fitting
from perflab.records.evidence import Code


def code_of(function: Any, dtype: str) -> tuple[Code | None, str]:
    """The code compiled for arrays of this dtype; None, and why, where there is no assembly."""
    compiled = compiled_of(function, dtype)
    if not compiled:
        return None, "no assembly: nothing here was compiled by Numba"
    try:
        return sum((_read(each.library, each.fndesc.llvm_func_name) for each in compiled), Code()), ""
    except (AttributeError, RuntimeError) as error:
        return None, f"no assembly: this Numba does not give it: {error}"


@cache
def _read(library: Any, entry: str) -> Code:
    return read(_assembly(library), entry)


def _assembly(library: Any) -> str:
    """The assembly of a library, compiled here or loaded from Numba's cache."""
    return str(library.codegen._tm.emit_assembly(library._get_module_for_linking().clone()))


def codes(operation: str, technique: str, dtype: str) -> tuple[str, dict[str, tuple[Code | None, str]]]:
    """The case that a built-in technique was compiled on, and for each direction its code, or why none.

    Raises PerflabError for an unknown name.
    """
    return compile_on_cases(catalog.operation(operation), catalog.raw(operation, technique), dtype)


def compile_on_cases(
    described: Operation, implementation: Implementation, dtype: str
) -> tuple[str, dict[str, tuple[Code | None, str]]]:
    """As `codes`, of an implementation; it is called, on a small case first."""
    case, *_ = described.cases.values()
    Scene(described, implementation, case, dtype).call()
    functions = {"forward": implementation.forward, "backward": implementation.backward}
    if any(map(dispatchers_of, functions.values())):  # plain Python would take long
        case = described.case(fitting(described, tuple(described.cases), dtype))
        Scene(described, implementation, case, dtype).call()
    return case.name, {name: code_of(function, dtype) for name, function in functions.items()}


def hot_loop_of(operation: str, technique: str, direction: str, dtype: str) -> Loop | None:
    """The hot loop of one direction of a technique that was called in this process."""
    return hottest(getattr(catalog.raw(operation, technique), direction), dtype)


def hottest(function: Any, dtype: str) -> Loop | None:
    """The hot loop of what was compiled for a function in this process."""
    loops = (
        hot_loop(_assembly(each.library), each.fndesc.llvm_func_name) for each in compiled_of(function, dtype)
    )
    return max(filter(None, loops), key=lambda loop: loop.weight, default=None)
