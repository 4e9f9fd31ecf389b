"""The words of errors: what is unknown and what is near it, an exception in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown(kind: str, name: str, known: Iterable[str], near: str | None = None) -> str:
    """One line that names what is unknown, what is nearest to `near` (to `name` by default), what there is.

    >>> unknown("technique", "mlp/jjit", ["naive", "jit"], near="jjit")
    'mlp/jjit: unknown technique; did you mean jit? there are naive, jit'
    """
    known = list(known)
    nearest = difflib.get_close_matches(near or name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    return f"{name}: unknown {kind}; {hint}there are {', '.join(known)}"


def first_line(text: str, otherwise: str = "no message") -> str:
    r"""The first line of a text that is not blank, or `otherwise`.

    >>> first_line("\n first\nsecond"), first_line(" ")
    ('first', 'no message')
    """
    return next((line.rstrip() for line in text.strip().splitlines()), otherwise)


def reason(error: BaseException, message: str | None = None) -> str:
    r"""An exception in one line; `message` stands in place of its own.

    >>> reason(ValueError("wrong\nat length")), reason(KeyboardInterrupt())
    ('ValueError: wrong', 'KeyboardInterrupt: no message')
    """
    return f"{type(error).__name__}: {first_line(str(error) if message is None else message)}"
