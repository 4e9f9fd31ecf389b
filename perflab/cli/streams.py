"""Standard output and error: characters that they lack, a reader that has gone, a disk that is full."""

from __future__ import annotations

import codecs
import errno
import os
import sys
import unicodedata

PLAIN = {
    "×": "x", "·": "*", "−": "-", "–": "-", "—": "-", "…": "...", "µ": "u", "→": "->", "←": "<-", "±": "+-",
    "≤": "<=", "≥": ">=", "“": '"', "”": '"', "’": "'", "∂": "d", "Σ": "sum", "½": "1/2", "─": "-", "│": "|",
    "├": "|", "└": "`", "●": "*",
}  # fmt: skip


def bear_any_character() -> None:
    """Where output or error has not every character, replace what is missing by what is most like it.

    UTF-8 lacks half a character, as a file's name may have.
    """
    codecs.register_error("perflab.plain", plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="perflab.plain")


def open_all() -> None:
    """Open what is closed of the standard streams on nothing, so that no other file takes its place.

    Raises OSError where that is the output.
    """
    closed = [name for name in ("stdin", "stdout", "stderr") if getattr(sys, name) is None]
    while closed and (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:
        os.set_inheritable(descriptor, True)
    if closed:
        os.close(descriptor)
    for name in closed:
        setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    if "stdout" in closed:
        raise OSError(errno.EBADF, "it is closed")


def plain(error: UnicodeError) -> tuple[str, int]:
    """The handler of a codec's error: "u" for "µ", "2" for "²", "?" where nothing is like it.

    >>> codecs.register_error("perflab.plain", plain)
    >>> "×3.1, 5 µs, 10⁻⁹ m², Ω".encode("ascii", "perflab.plain")
    b'x3.1, 5 us, 10-9 m2, ?'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    likes = (PLAIN.get(character) or unicodedata.normalize("NFKD", character) for character in lacking)
    shown = ("".join(PLAIN.get(part, part) for part in like) for like in likes)
    return "".join(like if like.isascii() else "?" for like in shown), error.end


def discard_output() -> None:
    """Let what is still to be written go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
