"""A file to begin from: right as it stands, with the shapes, the formulas and the rules of its operation.

All of it comes from the operation's description; the code is that of one of its own rungs.
"""

from __future__ import annotations

import ast
import keyword
import shlex
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from perflab import errors
from perflab.catalog import find
from perflab.contract import Argument, Operation, PerflabError

STARTS = ("per_neuron", "vectorized")  # where these do not stand alone, the lowest rung that does
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
    """Write a file that `perflab verify OP --with FILE` finds right at once; the file's path.

    Its code is that of `rung`, or of `per_neuron` where none is named. Raises PerflabError for an unknown
    operation or rung, a rung that needs more than NumPy, a file that is there already, a folder that is not,
    and a name that cannot be a technique's.
    """
    described = find.operation(operation)
    _hold_name(described, file)
    text = _file(described, _start(described, rung), file)
    try:
        with file.open("x", encoding="utf-8") as held:
            held.write(text)
    except FileExistsError:
        raise PerflabError(f"{file}: is there already; wanted the name of a new file") from None
    except OSError as error:
        raise PerflabError(f"{file}: cannot be written: {error.strerror}") from error
    return file


def _hold_name(described: Operation, file: Path) -> None:
    """Raise PerflabError for a name that no technique may have, or that is taken."""
    wanted = "wanted a new name such as mine.py"
    name = file.stem
    if file.suffix != ".py":
        raise PerflabError(f"{file}: does not end in .py; {wanted}")
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise PerflabError(f"{file}: {name} is no name of a Python module that can be shown; {wanted}")
    if name in described.ladder:
        raise PerflabError(f"{file}: {described.name} has a technique {name} already; {wanted}")
    if find.home(name):
        raise PerflabError(f"{file}: {name} is the name of a peer; {wanted}")
    if name in sys.stdlib_module_names or name in ("numpy", "numba", "perflab"):
        raise PerflabError(f"{file}: would hide the module {name} from all beside it; {wanted}")
    if file.exists():
        raise PerflabError(f"{file}: is there already; wanted the name of a new file")
    if not file.parent.is_dir():
        raise PerflabError(f"{file.parent}: no such folder; wanted one that is there")


def _start(described: Operation, rung: str) -> str:
    """The rung to begin from: one that stands alone, with nothing but NumPy."""
    known = described.ladder
    if rung:
        if rung not in known:
            raise PerflabError(errors.unknown("technique", f"{described.name}/{rung}", known, rung))
        if not _stands_alone(described.name, rung):
            alone = ", ".join(name for name in known if _stands_alone(described.name, name))
            raise PerflabError(f"{described.name}/{rung}: needs more than NumPy; wanted one of {alone}")
        return rung
    for name in (*(name for name in STARTS if name in known), *known):
        if _stands_alone(described.name, name):
            return name
    raise PerflabError(f"{described.name}: none of its rungs stands alone with NumPy; nothing to begin from")


def _stands_alone(operation: str, rung: str) -> bool:
    tree = ast.parse(_text(operation, rung))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""] if not node.level else [""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        if any(name.partition(".")[0] not in NUMPY for name in names):
            return False
    return True


def _text(operation: str, rung: str) -> str:
    return (find.folder(operation) / f"{rung}.py").read_text("utf-8")


def _file(described: Operation, rung: str, file: Path) -> str:
    """The whole text: the rung's code under a docstring of its own."""
    told = "\n".join(_docstring(described, rung, file))
    told = told.replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{told}\n"""\n{_code(described.name, rung)}'


def _code(operation: str, rung: str) -> str:
    """A rung's text below its docstring, as it stands."""
    text = _text(operation, rung)
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    if ast.get_docstring(tree) is not None:
        lines = lines[tree.body[0].end_lineno :]
    code = "".join(lines)
    return code if code.startswith("\n") else "\n" + code


def _docstring(described: Operation, rung: str, file: Path) -> Iterator[str]:
    op, gradients = described.name, ", ".join(f"d{name}" for name in described.wrt)
    inputs = [(name, *_told(argument)) for name, argument in described.arguments.items()]
    out = _shape(described.out_shape)
    yield f"Begun from {rung}: say in this line what yours does differently."
    yield ""
    yield from textwrap.wrap(f"{described.title}: {described.summary}.", WIDTH)
    yield ""
    yield f"forward({_signature(described)}) -> out, cache"
    yield from _rows([*inputs, ("out", out, "")])
    yield f"backward(dout, cache) -> ({gradients}{',' if len(described.wrt) == 1 else ''})"
    rows = [("dout", out, "the upstream gradient, of out's shape")]
    rows += [(f"d{name}", _shape(described.arguments[name].shape), "") for name in described.wrt]
    yield from _rows(rows)
    if described.formulas:
        yield ""
        adds = any("+=" in line for line in described.formulas.values())
        yield "Formulas" + ("; what += adds to starts at zero:" if adds else ":")
        for line in described.formulas.values():
            yield from textwrap.wrap(line, WIDTH, initial_indent="    ", subsequent_indent="        ")
    yield ""
    yield "Rules:"
    for rule in RULES:
        yield from textwrap.wrap(rule, WIDTH, initial_indent="    - ", subsequent_indent="      ")
    further = described.ladder[described.ladder.index(rung) + 1 :]
    if further:
        yield ""
        yield f"To try next; `perflab study {op}` shows these and the rest of the ladder, with their code:"
        for name in further[:NEXT]:
            said = find.summary(op, name)
            yield from textwrap.wrap(
                f"{name}: {said}", WIDTH, initial_indent="    ", subsequent_indent="        "
            )
    yield ""
    yield "Is it right? Checked again whenever the file is saved. And how fast is it, beside the ladder?"
    named = shlex.quote(str(file))
    yield f"    perflab verify {op} --with {named} --watch"
    yield f"    perflab run {op} --with {named}"


def _signature(described: Operation) -> str:
    """The arguments of forward as a call has them, with their defaults."""
    return ", ".join(
        name if argument.required else f"{name}={argument.default!r}"
        for name, argument in described.arguments.items()
    )


def _told(argument: Argument) -> tuple[str, str]:
    """An argument's shape or kind, and its meaning."""
    if argument.kind == "labels":
        return f"{_shape(argument.shape)} int", f"{argument.meaning}, from 0 to {argument.upper} − 1"
    if argument.kind == "pair":
        return f"int ≥ {argument.minimum}, or two", argument.meaning
    if argument.kind == "scalar":
        return "a number", argument.meaning
    return _shape(argument.shape), argument.meaning


def _shape(axes: tuple[str, ...]) -> str:
    if not axes:
        return "a number"
    return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"


def _rows(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    """Names, shapes and meanings, one below the other."""
    first, second = (max(len(row[at]) for row in rows) for at in (0, 1))
    for name, shape, meaning in rows:
        yield f"    {name:{first}}  {shape:{second}}  {meaning}".rstrip()
