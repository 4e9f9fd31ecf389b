"""The time of a call by the lines of the user's own file: what a further rung would have to change.

    profiles = profile(implementation, described, case, "float32")
    profiles["forward"].lines[0]      # the hottest: its number, its text, its share of the call's time

Measured with Python's tracer, not by the clock of a run: time in a function of NumPy, of Numba or of another
file belongs to the line that calls it. The tracer's own time is measured on an empty loop and subtracted;
`tracer` is its share.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from statistics import median
from time import perf_counter, perf_counter_ns
from types import CodeType
from typing import Any

from perflab.contract import Case, Implementation, Operation
from perflab.evidence.scene import Scene
from perflab.machine.interpreter import Event, each_line
from perflab.records.evidence import Line, Profile

MOST_LINES = 5  # the hottest first
LONGEST_TEXT = 100
BUDGET_S = 0.6  # for the rounds of one direction
MOST_ROUNDS = 15
LONGEST_CALL_S = 1.0
PRODUCTS = ("dot", "matmul", "einsum", "tensordot", "inner", "vdot", "multi_dot", "gemm")
INSTALLED = ("site-packages", "dist-packages")
Key = tuple[str, int]


def profile(
    implementation: Implementation, described: Operation, case: Case, dtype: str
) -> dict[str, Profile]:
    """Both directions on a case. One is left out where none of its lines runs in Python: it is compiled."""
    scene = Scene(described, implementation, case, dtype)
    scene.call()  # warm
    _, cached = implementation.forward(*scene.args)
    calls: dict[str, Callable[[], object]] = {
        "forward": partial(implementation.forward, *scene.args),
        "backward": partial(implementation.backward, scene.dout, cached),
    }
    profiles = {name: _of_call(call, case.name, Path(implementation.source)) for name, call in calls.items()}
    return {name: each for name, each in profiles.items() if each is not None}


def seconds_of(implementation: Implementation, described: Operation, case: Case, dtype: str) -> float:
    """Seconds of one forward and backward together, after a first call."""
    scene = Scene(described, implementation, case, dtype)
    scene.call()
    return timed(scene.call)


# ------------------------------------------------------------------------------------------------ the tracer


class _Tracer:
    """Nanoseconds by line of files for which `own` holds, and how many events each line caused."""

    def __init__(self, own: Callable[[str], bool]) -> None:
        self.own = own
        self.spent: dict[Key, int] = {}
        self.events: dict[Key, int] = {}
        self.times: dict[Key, int] = {}

    def run(self, call: Callable[[], object]) -> int:
        """Call once, traced; returns its nanoseconds without those of the tracer's own code."""
        spent, events, times, own = self.spent, self.events, self.times, self.own
        stack: list[Key | None] = []
        here: Key | None = None
        last = handling = 0

        def charge() -> None:
            nonlocal handling
            handling -= (now := perf_counter_ns())
            if here is not None:
                spent[here] = spent.get(here, 0) + now - last
                events[here] = events.get(here, 0) + 1

        def on_event(event: Event, code: CodeType, line: int) -> bool:
            nonlocal here, last, handling
            charge()
            is_own = own(code.co_filename)
            if is_own and event == "return":
                here = stack.pop()
            elif is_own:
                if event == "call":
                    stack.append(here)
                else:
                    times[code.co_filename, line] = times.get((code.co_filename, line), 0) + 1
                here = (code.co_filename, line)
            handling += (last := perf_counter_ns())
            return is_own

        began = perf_counter_ns()
        each_line(call, on_event)
        took = perf_counter_ns() - began
        return took - handling

    def without(self, event_ns: float) -> dict[Key, float]:
        """Nanoseconds by line without those that its events cost, never below zero."""
        return {key: max(ns - event_ns * self.events[key], 0.0) for key, ns in self.spent.items()}


@cache
def event_ns() -> float:
    """Nanoseconds that the tracer adds to a line for one event, measured on an empty loop."""

    def empty() -> None:
        for _ in range(5000):
            pass

    def once() -> float:
        began = perf_counter_ns()
        empty()
        plain = perf_counter_ns() - began
        tracer = _Tracer(lambda name: name == __file__)
        tracer.run(empty)
        return (sum(tracer.spent.values()) - plain) / sum(tracer.events.values())

    return max(min(once() for _ in range(5)), 0.0)


def _of_call(call: Callable[[], object], case: str, file: Path) -> Profile | None:
    seconds = min(timed(call) for _ in range(3))
    rounds: list[_Tracer] = []
    whole, own, began = 0.0, _own(file), perf_counter()
    while not rounds or (perf_counter() - began < BUDGET_S and len(rounds) < MOST_ROUNDS):
        rounds.append(_Tracer(own))
        whole += rounds[-1].run(call)
    traced = sum(sum(tracer.spent.values()) for tracer in rounds)
    # No event cost more than what the cheapest line took for one; it may have when it was measured.
    means = [ns / tracer.events[key] for tracer in rounds for key, ns in tracer.spent.items()]
    corrected = [tracer.without(min([event_ns(), *means])) for tracer in rounds]
    if not any(any(each.values()) for each in corrected):
        corrected = [tracer.without(0.0) for tracer in rounds]
    subtracted = traced - sum(sum(each.values()) for each in corrected)
    spent = {key: median(each.get(key, 0.0) for each in corrected) for key in corrected[0]}
    lines = list(_statements(spent, rounds[-1].times, file))
    total = sum(ns for ns, _ in lines)
    if total <= 0:
        return None
    shares = sorted(((ns / total, line) for ns, line in lines), key=lambda pair: -pair[0])
    return Profile(
        case=case,
        seconds=seconds,
        lines=tuple(Line(share=share, **line) for share, line in shares[:MOST_LINES] if share > 0),
        products=sum(share for share, line in shares if line["product"]),
        outside=max(1 - traced / whole, 0.0),
        tracer=subtracted / traced,
    )


def timed(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = perf_counter()
    call()
    return perf_counter() - began


def _own(file: Path) -> Callable[[str], bool]:
    """Whether a file is the user's: the technique's own, or one below its folder that is not installed."""
    source, folder = file.resolve(), file.resolve().parent
    package = Path(__file__).resolve().parents[1]

    @cache
    def own(name: str) -> bool:
        path = Path(name)
        if not path.is_absolute() and not path.is_file():  # "<string>", "<frozen importlib._bootstrap>"
            return False
        path = path.resolve()
        if path == source:
            return True
        elsewhere = set(INSTALLED) & set(path.parts) or package in path.parents
        return folder in path.parents and not elsewhere

    return own


# -------------------------------------------------------------------------------------------- its statements


def _statements(
    spent: Mapping[Key, float], times: Mapping[Key, int], file: Path
) -> Iterator[tuple[float, dict[str, Any]]]:
    """Nanoseconds and description of every statement; Python counts by line, a statement may have several."""
    source = file.resolve()
    together: dict[Key, tuple[float, int]] = {}
    for (name, number), ns in spent.items():
        first = _first_lines(name).get(number, (number, "", False))[0]
        so_far, fewest = together.get((name, first), (0.0, sys.maxsize))
        # Python returns to the first line of a long statement: the other lines give the number of runs.
        together[name, first] = so_far + ns, min(fewest, times.get((name, number), fewest))
    for (name, number), (ns, often) in together.items():
        _, text, product = _first_lines(name).get(number, (number, "", False))
        path = Path(name).resolve()
        times_run = often if often < sys.maxsize else 1
        name = "" if path == source else path.name
        yield ns, {"file": name, "number": number, "text": text, "times": times_run, "product": product}


@cache
def _first_lines(name: str) -> dict[int, tuple[int, str, bool]]:
    """For each line of a file, its statement: its first line, its text, whether it holds a matrix product."""
    try:
        source = Path(name).read_text("utf-8", errors="replace")
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return {}
    rows = source.splitlines()
    statements: dict[int, tuple[int, str, bool]] = {}
    for node in ast.walk(tree):  # outer before inner: the inner statement overwrites
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = max(body[0].lineno - 1, node.lineno) if body else node.end_lineno or node.lineno
            text = " ".join(row.strip() for row in rows[node.lineno - 1 : last])
            product = not body and any(map(_is_product, ast.walk(node)))
            for number in range(node.lineno, last + 1):
                statements[number] = (node.lineno, _short(text), product)
    return statements


def _is_product(node: ast.AST) -> bool:
    match node:
        case ast.BinOp(op=ast.MatMult()) | ast.AugAssign(op=ast.MatMult()):
            return True
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return name in PRODUCTS
    return False


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
