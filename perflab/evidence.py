"""Why a rung is as fast as it is: the instructions it became, the memory it asks for, the steps it takes.

Gathered once a technique and dtype, in a process of its own, apart from the clock:

    evidence = gather("conv2d", "jit", "large", "float32")
    evidence.ways["forward"].code.hot.packed     # of the hot loop's arithmetic, the packed instructions
    evidence.ways["forward"].allocated           # bytes asked for in one call

What cannot be had is said, never guessed: `no_code` and `memory` hold the reason.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import io
import json
import sys
import tokenize
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np

from perflab import grid, inputs, machine
from perflab.assembly import Loop, hot_loop, read
from perflab.cases import costs as costs_of
from perflab.contract import Case, Implementation, Operation
from perflab.errors import reason
from perflab.records import Plan
from perflab.records.evidence import Code, Evidence, Way
from perflab.records.texts import candidates

NOTED_BYTES = 1024  # smaller allocations are Python's own objects as often as arrays
MOST_STEPS = 2_000_000
MOST_NOTED = 50_000
MOST_LOADS = 5  # calls until none of them may compile or load anything more
MOST_FLOPS = 2e7
TRACED = "tracemalloc, to the byte: what NumPy and Numba ask for, with one thread; not a BLAS's own buffers"
UNTRACED = "not measured: Numba's threads, other than OpenMP's, would wait for Python's lock for ever"


def gather(
    operation: str,
    technique: str,
    case: str,
    dtype: str,
    *,
    outside: str | None = None,
    compile_s: float | None = None,
    load_s: float | None = None,
) -> Evidence:
    """The evidence on one technique, by name; `outside` is the file of one that is not built in.

    Where Python interprets every operation, the operation's first case serves instead. Raises
    PerflabError for an unknown name.
    """
    described = grid.operation(operation)
    held = grid.column(operation, technique, outside)
    found = examine(described, held, described.case(case), dtype)
    return replace(found, compile_s=compile_s, load_s=load_s)


def gather_all(plan: Plan, memory: Path | None = None) -> Iterator[dict[str, Any]]:
    """The evidence on every technique of a plan but the peers', as fields of records, one after another.

    In the plan's first dtype: in another the same code works on numbers of another size. A technique that
    fails gives a `reason` in place of its figures. In the folder `memory`, beside Numba's cache that is named
    by the code, what was gathered of built-in techniques is kept for the next run on this machine. Files from
    outside are left to `outside_evidence`; another commit's techniques are perflab's own.
    """
    dtype = plan.dtypes[0]
    held = _Memory(memory)
    for op, techniques in plan.techniques.items():
        case = fitting(grid.operation(op), plan.cases[op], dtype)
        for technique in techniques:
            outside = plan.outside.get(f"{op}/{technique}")
            if plan.homes.get(technique) or (outside and "@" not in technique):
                continue
            names = {"operation": op, "technique": technique, "dtype": dtype, "case": case}
            known = None if outside else held.of(names)
            if known is not None:
                yield known
                continue
            try:
                found = gather(op, technique, case, dtype, outside=outside).plain()
            except Exception as error:
                yield {**names, "reason": reason(error)}
                continue
            if not outside:
                held.keep(names, found)
            yield found


class _Memory:
    """What was gathered before, one line each; a folder that cannot be written only forgets."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / "evidence.jsonl" if folder else None
        self._known: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            for line in self._file.read_text("utf-8").splitlines() if self._file else ():
                record = json.loads(line)
                self._known[record["key"]] = dict(record["fields"])

    def of(self, names: Mapping[str, str]) -> dict[str, Any] | None:
        return self._known.get(self._key(names))

    def keep(self, names: Mapping[str, str], fields: dict[str, Any]) -> None:
        line = json.dumps({"key": self._key(names), "fields": fields}) + "\n"
        if self._file:
            with contextlib.suppress(OSError), self._file.open("a", encoding="utf-8") as file:
                file.write(line)

    @staticmethod
    def _key(names: Mapping[str, str]) -> str:
        return " ".join([machine.identity(), *names.values()])


def examine(described: Operation, held: Implementation, case: Case, dtype: str) -> Evidence:
    """Call both functions: on small batches, to see how steps grow with work, then on `case`, traced."""
    first = next(iter(described.cases.values()))
    small = [_Scene(described, held, first, dtype, samples) for samples in (2, 1)]
    small[0].call()  # compiled, or loaded
    costs = costs_of(described, first, dtype)
    several, few = (scene.traced(Trace, memory=False) for scene in small)
    kinds, foretold = {}, {}
    for name, function in (("forward", held.forward), ("backward", held.backward)):
        further = several[name].steps - few[name].steps
        operations = small[0].costs[name].flops - small[1].costs[name].flops
        kinds[name] = "interpreted" if further >= max(operations, 1) else "numpy"
        if any(_signatures(dispatcher, dtype) for dispatcher in _dispatchers(function)):
            kinds[name] = "compiled"
        # A batch of one may go another way than all others: then the line through both says nothing.
        foretold[name] = max(few[name].steps + further * (first.sizes.get("N", 1) - 1), few[name].steps)
    interpreted = "interpreted" in kinds.values()
    scene = _Scene(described, held, first if interpreted else case, dtype)
    if not interpreted:  # warm, yet a workspace that it keeps from call to call does not fit the case
        _Scene(described, held, case, dtype, 1).call()
    traces = scene.traced(partial(Trace, most=MOST_NOTED if interpreted else MOST_STEPS))
    ways = {}
    for name, trace in traces.items():
        code, no_code = _code(_dispatchers(getattr(held, name)), dtype)
        predicted = kinds[name] == "interpreted"
        ways[name] = Way(
            kind="compiled" if code else kinds[name],
            flops=scene.costs[name].flops,
            bytes=scene.costs[name].bytes,
            steps=foretold[name] if predicted else trace.steps,
            few=foretold[name],
            few_flops=costs[name].flops,
            whole=trace.steps <= MOST_NOTED,
            allocations=trace.allocations if trace.memory else None,
            allocated=trace.allocated if trace.memory else None,
            temporaries=max(trace.allocated - trace.kept, 0) if trace.memory else None,
            workspace=trace.after,
            peak=max(trace.peak - trace.outputs, 0) + trace.before if trace.memory else None,
            memory=TRACED if trace.memory else UNTRACED,
            code=code,
            no_code=no_code,
        )
    lines, imported = _lines(held)
    return Evidence(held.operation, held.technique, dtype, scene.case.name, lines, imported, ways)


def fitting(described: Operation, names: tuple[str, ...], dtype: str) -> str:
    """The largest case that all but the interpreted rungs get through at once, or the smallest."""
    flops = {name: costs_of(described, described.case(name), dtype)["step"].flops for name in names}
    fitting = [name for name in names if flops[name] <= MOST_FLOPS]
    return max(fitting, key=flops.__getitem__) if fitting else min(names, key=flops.__getitem__)


# ------------------------------------------------------------------------------------ steps and memory


class _Scene:
    """An implementation and a case's inputs in one dtype, of so many samples where a number is given."""

    def __init__(
        self, described: Operation, held: Implementation, case: Case, dtype: str, samples: int | None = None
    ) -> None:
        if samples and "N" in case.sizes:
            case = replace(case, sizes={**case.sizes, "N": samples})
        self.held, self.case, self.dtype = held, case, dtype
        self.args = tuple(inputs.make(described, case, dtype).values())
        self.dout = inputs.upstream(described, case, dtype)
        self.costs = costs_of(described, case, dtype)

    def call(self) -> None:
        """Once, both ways."""
        _, kept = self.held.forward(*self.args)
        self.held.backward(self.dout, kept)

    def traced(self, trace: Callable[..., Trace], *, memory: bool = True) -> dict[str, Trace]:
        """Both ways, watched; once more where that made Numba load something."""
        held = self.held
        for _ in range(MOST_LOADS):
            dispatchers = [*_dispatchers(held.forward), *_dispatchers(held.backward)]
            before = sum(len(dispatcher.overloads) for dispatcher in dispatchers)
            memory = memory and not _waits_for_ever(dispatchers)
            forward, backward = trace(memory=memory), trace(memory=memory)
            if memory:
                gc.collect()
            forward.before = workspace(held.forward, self.dtype)
            out, kept = watched(forward, partial(held.forward, *self.args))
            forward.after = workspace(held.forward, self.dtype)
            backward.before = workspace(held.backward, self.dtype)
            grads = watched(backward, partial(held.backward, self.dout, kept))
            backward.after = workspace(held.backward, self.dtype)
            dispatchers = [*_dispatchers(held.forward), *_dispatchers(held.backward)]
            if sum(len(dispatcher.overloads) for dispatcher in dispatchers) == before:
                break
        forward.outputs = out.nbytes if isinstance(out, np.ndarray) else 0
        backward.outputs = sum(gradient.nbytes for gradient in grads)
        return {"forward": forward, "backward": backward}


@dataclass
class Trace:
    """One call, looked at before every bytecode until there were too many."""

    most: int = MOST_STEPS
    memory: bool = True
    steps: int = 0
    allocations: int = 0
    allocated: int = 0
    peak: int = 0
    kept: int = 0
    outputs: int = 0
    before: int = 0
    after: int = 0
    _start: int = 0
    _held: int = 0

    def begin(self) -> None:
        """Count memory from here on."""
        if self.memory:
            tracemalloc.reset_peak()
            self._start = self._held = tracemalloc.get_traced_memory()[0]

    def step(self, frame: FrameType, event: str, _: object) -> Any:
        """What Python calls as it enters a frame, and then before each of its bytecodes."""
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            self.steps += 1
            if self.memory and self.steps <= MOST_NOTED:
                self.note()
            if self.steps > self.most:
                sys.settrace(None)
        return self.step

    def note(self) -> None:
        """What the latest step asked for."""
        held, peak = tracemalloc.get_traced_memory()
        if peak - self._held > NOTED_BYTES:
            self.allocations += 1
            self.allocated += peak - self._held
        self.peak = max(self.peak, peak - self._start)
        tracemalloc.reset_peak()
        self._held = held

    def end(self) -> None:
        """Count memory no further."""
        if self.memory:
            self.note()
            self.kept = self._held - self._start


def watched(trace: Trace, call: Callable[[], Any]) -> Any:
    """What a call returns; afterwards `trace` knows its steps and its memory."""
    tracer, tracing = sys.gettrace(), tracemalloc.is_tracing()
    if trace.memory and not tracing:
        tracemalloc.start()
    try:
        with _one_thread():
            trace.begin()
            sys.settrace(trace.step)
            try:
                result = call()
            finally:
                sys.settrace(tracer)
            trace.end()
    finally:
        if not tracing:
            tracemalloc.stop()
    return result


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep Numba's kernels on this thread: tracemalloc wants Python's lock, which their caller holds."""
    numba = sys.modules.get("numba")
    if numba is None:
        yield
        return
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(threads)


def _waits_for_ever(dispatchers: list[Any]) -> bool:
    """Whether a kernel would run on another thread even where it may have one only."""
    if not any(dispatcher.targetoptions.get("parallel") for dispatcher in dispatchers):
        return False
    try:
        return str(sys.modules["numba"].threading_layer()) != "omp"
    except ValueError:  # none of them ran
        return False


# -------------------------------------------------------------------------------------------- assembly


def _dispatchers(function: Any) -> list[Any]:
    """What Numba compiled and a function reaches."""
    return [held for held in _reached(function) if not isinstance(held, np.ndarray)]


def workspace(function: Any, dtype: str) -> int:
    """Bytes of the arrays that a function reaches without being given them."""
    arrays = [held for held in _reached(function) if isinstance(held, np.ndarray)]
    return sum(held.nbytes for held in arrays if held.dtype.kind != "f" or held.dtype == dtype)


def _reached(function: Any) -> list[Any]:
    """Dispatchers and arrays: the function itself, or by its names, its cells, and its caches."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    package = str(getattr(function, "__module__", "")).partition(".")[0]

    def ours(held: Any) -> bool:
        return str(getattr(held, "__module__", "")).partition(".")[0] == package

    def walk(held: Any) -> None:
        if id(held) in seen:
            return
        seen.add(id(held))
        if isinstance(held, np.ndarray) or (hasattr(held, "overloads") and hasattr(held, "py_func")):
            found[id(held)] = held
        elif isinstance(held, FunctionType):
            if ours(held) or held is function:
                names = set(_names(held.__code__))
                for cell in held.__closure__ or ():
                    with contextlib.suppress(ValueError):  # not filled yet
                        walk(cell.cell_contents)
                for default in (*(held.__defaults__ or ()), *(held.__kwdefaults__ or {}).values()):
                    walk(default)
                for name in names & held.__globals__.keys():
                    value = held.__globals__[name]
                    if isinstance(value, ModuleType):
                        if value.__name__.partition(".")[0] == package:
                            for attribute in names & vars(value).keys():
                                walk(vars(value)[attribute])
                    else:
                        walk(value)
        elif hasattr(held, "__wrapped__"):  # functools.cache: what it made is in its dictionary
            walk(held.__wrapped__)
            for referent in gc.get_referents(held):
                walk(referent)
        elif isinstance(held, partial):
            walk(held.func)
            walk(held.args)
        elif isinstance(held, dict):
            walk(list(held.values()))
        elif isinstance(held, (list, tuple, set, frozenset)):
            for item in held:
                if not isinstance(item, (int, float, str, bytes, np.generic)):
                    walk(item)
        elif hasattr(held, "_dispatcher"):  # a universal function
            walk(held._dispatcher)
        elif ours(type(held)) and hasattr(held, "__dict__"):
            walk(vars(held))

    walk(function)
    return list(found.values())


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _signatures(dispatcher: Any, dtype: str) -> list[Any]:
    """What was compiled or loaded for arrays of this dtype, or without any floating-point array."""
    held = []
    for signature, compiled in dispatcher.overloads.items():
        floats = {name for name in _dtypes(signature) if name.startswith("float")}
        if not floats or dtype in floats:
            held.append(compiled)
    return held


def _dtypes(types: Any) -> Iterator[str]:
    for held in types:
        if hasattr(held, "dtype"):
            yield str(held.dtype)
        elif hasattr(held, "types"):
            yield from _dtypes(held.types)


def _code(dispatchers: list[Any], dtype: str) -> tuple[Code | None, str]:
    compiled = [one for dispatcher in dispatchers for one in _signatures(dispatcher, dtype)]
    if not compiled:
        return None, "no assembly: nothing here was compiled by Numba"
    total = Code()
    for one in compiled:
        try:
            total += _read(one.library, one.fndesc.llvm_func_name)
        except (AttributeError, RuntimeError) as error:
            return None, f"no assembly: this Numba does not give it: {error}"
    return total, ""


@cache
def _read(library: Any, entry: str) -> Code:
    """What a library's assembly holds."""
    return read(_assembly(library), entry)


def _assembly(library: Any) -> str:
    """What came from Numba's cache has its optimised module with it too."""
    return str(library.codegen._tm.emit_assembly(library._get_module_for_linking().clone()))


def codes(operation: str, technique: str, dtype: str) -> tuple[str, dict[str, tuple[Code | None, str]]]:
    """The case that a built-in technique was compiled on, and for each direction its code, or why none.

    Raises PerflabError for an unknown name.
    """
    described, held = grid.operation(operation), grid.raw(operation, technique)
    first, *_ = described.cases.values()
    _Scene(described, held, first, dtype).call()
    ways = {"forward": held.forward, "backward": held.backward}
    case = first
    if any(_dispatchers(function) for function in ways.values()):  # plain Python would take long
        case = described.case(fitting(described, tuple(described.cases), dtype))
        _Scene(described, held, case, dtype).call()
    return case.name, {name: _code(_dispatchers(function), dtype) for name, function in ways.items()}


def hot_loop_of(operation: str, technique: str, direction: str, dtype: str) -> Loop | None:
    """The hot loop of one direction of a technique that was called in this process."""
    function = getattr(grid.raw(operation, technique), direction)
    loops = (
        hot_loop(_assembly(one.library), one.fndesc.llvm_func_name)
        for dispatcher in _dispatchers(function)
        for one in _signatures(dispatcher, dtype)
    )
    return max(filter(None, loops), key=lambda loop: loop.weight, default=None)


# ------------------------------------------------------------------------------------------- its source


def _lines(held: Implementation) -> tuple[int, dict[str, int]]:
    """Lines of code of a technique's file, and of every file of the operations that it imports."""
    file = Path(held.source)
    if not file.is_file():
        return 0, {}
    found: dict[Path, int] = {}
    work = [file.resolve()]
    while work:
        path = work.pop()
        if path not in found:
            source = path.read_text("utf-8")
            found[path] = code_lines(source)
            work += [path.resolve() for path in candidates(path, source) if path.is_file()]
    lines = found.pop(file.resolve())
    return lines, {_name(path, file): count for path, count in sorted(found.items())}


def _name(path: Path, beside: Path) -> str:
    folder = beside.resolve().parent
    return path.stem if path.parent == folder else f"{path.parent.name}/{path.stem}"


def code_lines(source: str) -> int:
    """Lines that hold code: no blank lines, comments or docstrings.

    >>> code_lines('"What it does."' + chr(10) + "x = 1  # one")
    1
    """
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
               tokenize.ENCODING, tokenize.ENDMARKER)  # fmt: skip
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skipped:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)
