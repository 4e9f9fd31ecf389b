"""A file to begin from: correct from the start, with the shapes, formulas and rules of its operation.

All of it comes from the operation's description; the code is that of one of the operation's rungs.
"""

from __future__ import annotations

import ast
import keyword
import shlex
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from perflab import errors
from perflab.catalog import find, own
from perflab.catalog.door import axes
from perflab.contract import Argument, Operation, PerflabError
from perflab.records import tree

STARTS = ("per_neuron", "vectorized")  # where both need more than NumPy: the lowest rung that does not
NUMPY = ("numpy", "math")
WIDTH = 100
NEXT = 3  # rungs that are named as what to try next
RULES = (
    "forward gives a fresh output each time, and a cache of any kind for backward",
    "backward gives a tuple of gradients in this order, and may run many times on one cache",
    "inputs, dout and what the cache holds of them are never written to",
    "outputs and gradients keep the dtype of the inputs: float32 or float64",
)


def write(operation: str, file: Path, rung: str = "") -> Path:
    """Write a file that passes `perflab verify OP --with FILE` unchanged; the file's path.

    Its code is that of `rung`, or of `per_neuron` where none is named. Raises PerflabError for an unknown
    operation or rung, a rung that needs more than NumPy, a file that exists already, a missing folder, and a
    name that cannot be a technique's.
    """
    described = find.operation(operation)
    _check_name(described, file)
    return write_new(file, _text(described, _start(described, rung), file))


def write_new(file: Path, text: str) -> Path:
    """Write a file that does not exist yet; its path. Raises PerflabError where that cannot be."""
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise PerflabError(f"{file}: exists already; wanted the name of a new file") from None
    except OSError as error:
        raise PerflabError(f"{file}: cannot be written: {error.strerror}") from error
    return file


def refuse(path: Path, problems: Mapping[str, bool], such_as: str) -> None:
    """Raise PerflabError for the first of these problems of a new name that applies."""
    for problem, applies in problems.items():
        if applies:
            raise PerflabError(f"{path}: {problem}; wanted a new name such as {such_as}")


def _check_name(described: Operation, file: Path) -> None:
    """Raise PerflabError for a name that no technique may have, or that is taken."""
    name = file.stem
    plain = name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")
    hides = name in sys.stdlib_module_names or name in ("numpy", "numba", "perflab")
    problems = {
        "does not end in .py": file.suffix != ".py",
        f"{name} is no name of a Python module that can be shown": not plain,
        f"{described.name} has a technique {name} already": name in described.ladder,
        f"{name} is the name of a peer": bool(find.home(name)),
        f"would hide the module {name} from the files beside it": hides,
    }
    refuse(file, problems, "mine.py")
    if not file.parent.is_dir():
        raise PerflabError(f"{file.parent}: no such folder; wanted an existing folder")


def _start(described: Operation, rung: str) -> str:
    """The rung to begin from: one that needs nothing but NumPy."""
    op, ladder = described.name, described.ladder
    if rung and rung not in ladder:
        raise PerflabError(errors.unknown("technique", f"{op}/{rung}", ladder, rung))
    alone = [name for name in ladder if _needs_numpy_only(op, name)]
    if rung and rung not in alone:
        raise PerflabError(f"{op}/{rung}: needs more than NumPy; wanted one of {', '.join(alone)}")
    if not alone:
        raise PerflabError(f"{op}: every rung needs more than NumPy; wanted one to begin from")
    return rung or next(name for name in (*STARTS, *alone) if name in alone)


def _needs_numpy_only(operation: str, rung: str) -> bool:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(_source(operation, rung))):
        if isinstance(node, ast.ImportFrom):
            modules.add("" if node.level else node.module or "")
        elif isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
    return all(name.partition(".")[0] in NUMPY for name in modules)


def _source(operation: str, rung: str) -> str:
    return (find.folder(operation) / f"{rung}.py").read_text("utf-8")


def _text(described: Operation, rung: str, file: Path) -> str:
    """The whole text: the rung's code, unchanged, under a new docstring."""
    return under(_docstring(described, rung, file), _source(described.name, rung))


def under(lines: Iterable[str], source: str) -> str:
    """A file's code, unchanged, under a docstring of these lines."""
    docstring = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
    code = without_docstring(source)
    return f'"""{docstring}\n"""\n' + (code if code.startswith("\n") else f"\n{code}")


def without_docstring(source: str) -> str:
    """A file's text below its docstring."""
    tree, lines = ast.parse(source), source.splitlines(keepends=True)
    return "".join(lines if ast.get_docstring(tree) is None else lines[tree.body[0].end_lineno :])


def _docstring(described: Operation, rung: str, file: Path) -> Iterator[str]:
    op, target = described.name, own.typed(described.name)
    yield f"Begun from {rung}: write in this line what is different in your technique."
    yield ""
    yield from interface(described)
    further = [*_further(described.since, rung)][:NEXT]
    if further:
        lines = (f"{name}: {find.summary(op, name)}" for name in further)
        yield from section(f"To try next; `perflab study {target}` shows all rungs with their code:", lines)
    path = shlex.quote(str(file))
    commands = (f"perflab verify {target} --with {path} --watch", f"perflab run {target} --with {path}")
    yield ""
    yield "Is it correct? Checked again whenever the file is saved. And how fast is it, beside the ladder?"
    yield from (f"    {command}" for command in commands)


def interface(described: Operation) -> Iterator[str]:
    """What an operation's functions get and give, its formulas, and the rules, in lines of a docstring."""
    gradients = [f"d{name}" for name in described.wrt]
    inputs = [(name, *_meaning(argument)) for name, argument in described.arguments.items()]
    out = axes(described.out_shape)
    yield from textwrap.wrap(f"{described.title}: {described.summary}.", WIDTH)
    yield ""
    defaults = ((a.name, "" if a.required else f"={a.default!r}") for a in described.arguments.values())
    yield f"forward({', '.join(map(''.join, defaults))}) -> out, cache"
    yield from _rows([*inputs, ("out", out, "")])
    yield f"backward(dout, cache) -> {axes(gradients)}"
    shapes = [(f"d{name}", axes(described.arguments[name].shape), "") for name in described.wrt]
    yield from _rows([("dout", out, "the upstream gradient, of out's shape"), *shapes])
    formulas = described.formulas.values()
    if formulas:
        sums = any("+=" in line for line in formulas)
        yield from section("Formulas; sums with += start at zero:" if sums else "Formulas:", formulas)
    yield from section("Rules:", (f"- {rule}" for rule in RULES))


def _further(since: Mapping[str, str], rung: str) -> Iterator[str]:
    """What to try next: rungs that stand on this one, the nearest first; then those of other branches."""
    below = (rung, *tree.ancestors(since, rung))
    above = dict.fromkeys(name for each in below for name in tree.standing_on(since, each))
    yield from (name for name in above if name not in below)


def section(heading: str, lines: Iterable[str]) -> Iterator[str]:
    """A heading with indented lines below it, after an empty line."""
    yield ""
    yield heading
    for line in lines:
        yield from textwrap.wrap(line, WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8)


def _meaning(argument: Argument) -> tuple[str, str]:
    if argument.kind == "labels":
        return f"{axes(argument.shape)} int", f"{argument.meaning}, from 0 to {argument.upper} − 1"
    if argument.kind == "pair":
        return f"int ≥ {argument.minimum}, or two", argument.meaning
    return axes(argument.shape), argument.meaning


def _rows(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    """Names, shapes and meanings, in columns."""
    first, second = (max(len(row[at]) for row in rows) for at in (0, 1))
    for name, shape, meaning in rows:
        yield f"    {name:{first}}  {shape:{second}}  {meaning}".rstrip()
