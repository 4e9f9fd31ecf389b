"""Where a call's time goes, by the lines of the user's own file: what a further rung would have to change.

    found = profile(implementation, described, case, "float32")
    found["forward"].lines[0]      # the hottest: its number, its text, its share of the call's time

Taken apart from the clock, with Python's tracer: time in a function of NumPy, of Numba or of another file
belongs to the line that calls it. What the tracer itself takes is measured on an empty loop and subtracted;
`tracer` says how much that was.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from statistics import median
from time import perf_counter, perf_counter_ns
from types import FrameType
from typing import Any

from perflab.catalog import inputs
from perflab.contract import Case, Implementation, Operation
from perflab.records.evidence import Line, Profile

KEPT = 5  # lines, the hottest first
LONGEST_TEXT = 100
BUDGET_S = 0.6  # for the rounds of one direction
MOST_ROUNDS = 15
LONGEST_CALL_S = 1.0
PRODUCTS = ("dot", "matmul", "einsum", "tensordot", "inner", "vdot", "multi_dot", "gemm")
INSTALLED = ("site-packages", "dist-packages")
Key = tuple[str, int]


def profile(held: Implementation, described: Operation, case: Case, dtype: str) -> dict[str, Profile]:
    """Both directions on a case. Without an entry where no line of its own runs in Python: compiled whole."""
    args = tuple(inputs.make(described, case, dtype).values())
    dout = inputs.upstream(described, case, dtype)
    _, kept = held.forward(*args)  # warm
    held.backward(dout, kept)
    calls: dict[str, Callable[[], object]] = {
        "forward": partial(held.forward, *args),
        "backward": partial(held.backward, dout, kept),
    }
    found = {way: _of_call(call, case.name, Path(held.source)) for way, call in calls.items()}
    return {way: one for way, one in found.items() if one is not None}


def seconds_of(held: Implementation, described: Operation, case: Case, dtype: str) -> float:
    """Seconds that forward and backward take together, once, after a first call."""
    args = tuple(inputs.make(described, case, dtype).values())
    dout = inputs.upstream(described, case, dtype)
    took = 0.0
    for _ in range(2):
        began = perf_counter()
        _, kept = held.forward(*args)
        held.backward(dout, kept)
        took = perf_counter() - began
    return took


# ------------------------------------------------------------------------------------------------ the tracer


class _Tracer:
    """Nanoseconds by line of files for which `own` holds, and how many events each line caused."""

    def __init__(self, own: Callable[[str], bool]) -> None:
        self.own = own
        self.spent: dict[Key, int] = {}
        self.events: dict[Key, int] = {}
        self.times: dict[Key, int] = {}

    def run(self, call: Callable[[], object]) -> int:
        """Call once, traced; the nanoseconds that it took, those in here left out."""
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

        def enter(frame: FrameType, event: str, _: object) -> Any:
            nonlocal here, last, handling
            charge()
            mine = own(frame.f_code.co_filename)
            if mine:
                stack.append(here)
                here = (frame.f_code.co_filename, frame.f_lineno)
            handling += (last := perf_counter_ns())
            return within if mine else None

        def within(frame: FrameType, event: str, _: object) -> Any:
            nonlocal here, last, handling
            charge()
            if event == "line":
                here = (frame.f_code.co_filename, frame.f_lineno)
                times[here] = times.get(here, 0) + 1
            elif event == "return":
                here = stack.pop()
            handling += (last := perf_counter_ns())
            return within

        before = sys.gettrace()
        sys.settrace(enter)
        began = perf_counter_ns()
        try:
            call()
        finally:
            took = perf_counter_ns() - began
            sys.settrace(before)
        return took - handling


@cache
def event_ns() -> float:
    """What the tracer adds to a line for one event: measured on a loop that does nothing."""

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
    seconds = min(_timed(call) for _ in range(3))
    rounds: list[dict[Key, float]] = []
    times: dict[Key, int] = {}
    subtracted = seen = whole = 0.0
    own, each, began = _own(file), event_ns(), perf_counter()
    while not rounds or (perf_counter() - began < BUDGET_S and len(rounds) < MOST_ROUNDS):
        tracer = _Tracer(own)
        whole += tracer.run(call)
        kept = {key: max(ns - each * tracer.events[key], 0.0) for key, ns in tracer.spent.items()}
        seen += sum(tracer.spent.values())
        subtracted += sum(tracer.spent.values()) - sum(kept.values())
        rounds.append(kept)
        times = tracer.times
    spent = {key: median(round_.get(key, 0.0) for round_ in rounds) for key in rounds[0]}
    lines = list(_statements(spent, times, file))
    total = sum(ns for ns, _ in lines)
    if total <= 0:
        return None
    shares = sorted(((ns / total, line) for ns, line in lines), key=lambda one: -one[0])
    return Profile(
        case=case,
        seconds=seconds,
        lines=tuple(_with_share(line, share) for share, line in shares[:KEPT] if share > 0),
        products=sum(share for share, line in shares if line["product"]),
        outside=max(1 - seen / whole, 0.0),
        tracer=subtracted / seen,
    )


def _timed(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def _with_share(line: Mapping[str, Any], share: float) -> Line:
    return Line(share=share, **line)


def _own(file: Path) -> Callable[[str], bool]:
    """Whether a file's name is of the user's: the technique's own, or one below its folder, not installed."""
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
    """Nanoseconds and description of every statement: what Python tells by line, a statement may span."""
    source = file.resolve()
    together: dict[Key, tuple[float, int]] = {}
    for (name, number), ns in spent.items():
        first = _first_lines(name).get(number, (number, "", False))[0]
        so_far, fewest = together.get((name, first), (0.0, sys.maxsize))
        # Python comes back to the first line of a statement that spans several: the others tell how often.
        together[name, first] = so_far + ns, min(fewest, times.get((name, number), fewest))
    for (name, number), (ns, often) in together.items():
        _, text, product = _first_lines(name).get(number, (number, "", False))
        path = Path(name).resolve()
        yield (
            ns,
            {
                "file": "" if path == source else path.name,
                "number": number,
                "text": text,
                "times": often if often < sys.maxsize else 1,
                "product": product,
            },
        )


@cache
def _first_lines(name: str) -> dict[int, tuple[int, str, bool]]:
    """For each line of a file, its statement: its first line, its text, whether it holds a matrix product."""
    try:
        source = Path(name).read_text("utf-8", errors="replace")
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return {}
    rows = source.splitlines()
    found: dict[int, tuple[int, str, bool]] = {}
    for node in ast.walk(tree):  # outer before inner: what is deeper overwrites
        if isinstance(node, ast.stmt):
            inner = getattr(node, "body", None)
            head = isinstance(inner, list) and bool(inner)
            last = node.end_lineno or node.lineno
            if isinstance(inner, list) and inner:
                last = max(inner[0].lineno - 1, node.lineno)
            text = " ".join(row.strip() for row in rows[node.lineno - 1 : last])
            product = not head and any(map(_is_product, ast.walk(node)))
            for number in range(node.lineno, last + 1):
                found[number] = (node.lineno, _short(text), product)
    return found


def _is_product(node: ast.AST) -> bool:
    match node:
        case ast.BinOp(op=ast.MatMult()) | ast.AugAssign(op=ast.MatMult()):
            return True
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return name in PRODUCTS
    return False


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
