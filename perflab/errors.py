"""The words of errors: what is unknown and what is near it, an exception in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown(kind: str, name: str, known: Iterable[str], near: str | None = None, listed: str = "") -> str:
    """One line: the unknown name, the names nearest to `near` (by default `name`), and all known names.

    Where these are many, `listed` is the command that shows them.

    >>> unknown("technique", "mlp/jjit", ["naive", "jit"], near="jjit")
    'mlp/jjit: unknown technique; did you mean jit? there are naive, jit'
    """
    known = list(known)
    nearest = difflib.get_close_matches(near or name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    return f"{name}: unknown {kind}; {hint}" + (
        f"see `{listed}`" if listed else f"there are {', '.join(known)}"
    )


def no_function(names: Iterable[str]) -> str:
    """The functions that a file lacks, as words of a message.

    >>> no_function(["forward", "backward"])
    'no function forward and no function backward'
    """
    return f"no function {' and no function '.join(names)}"


def first_line(text: str, otherwise: str = "no message") -> str:
    r"""The first line of a text that is not blank, or `otherwise`.

    >>> first_line("\n first\nsecond"), first_line(" ")
    ('first', 'no message')
    """
    return next((line.rstrip() for line in text.strip().splitlines()), otherwise)


def reason(error: BaseException, message: str | None = None) -> str:
    r"""An exception in one line; `message` replaces its own.

    >>> reason(ValueError("wrong\nat length")), reason(KeyboardInterrupt())
    ('ValueError: wrong', 'KeyboardInterrupt: no message')
    """
    return f"{type(error).__name__}: {first_line(str(error) if message is None else message)}"
