"""The parser of the command line: a mistake is one line with what was wanted, help breaks no word."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from perflab.contract import PerflabError
from perflab.errors import unknown

INVALID = re.compile(r"argument (?P<option>.+): invalid (?P<type>\w+) value: (?P<value>.*)")
WANTED = {"int": "a whole number", "float": "a number"}


class Help(argparse.HelpFormatter):
    """Help without a broken word; lines that begin with two spaces, such as examples, stay as they are."""

    def add_argument(self, action: argparse.Action) -> None:
        """Count the indentation of commands too, so that the longest one has its help beside it."""
        super().add_argument(action)
        if isinstance(action, argparse._SubParsersAction):
            self._action_max_length += self._indent_increment

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = [
            [line] if line.startswith("  ") else self._split_lines(line, width) or [""]
            for line in text.split("\n")
        ]
        return "\n".join(indent + part for line in lines for part in line)


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are a PerflabError."""

    def __init__(self, *, examples: str = "", **options: Any) -> None:
        if examples:
            lines = (f"  {line.strip()}" for line in examples.strip().splitlines())
            options["epilog"] = "\n".join(["examples:", *lines])
        super().__init__(formatter_class=Help, **options)

    def error(self, message: str) -> NoReturn:
        """Raise PerflabError."""
        if invalid := INVALID.fullmatch(message):
            wanted = WANTED.get(invalid["type"], f"a {invalid['type']}")
            message = f"{invalid['option']}: {invalid['value']}; wanted {wanted}"
        see = f"{self.prog.replace(' ', ' help ', 1)}" if " " in self.prog else f"{self.prog} --help"
        raise PerflabError(f"{message.removeprefix('argument ')}; see `{see}`")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print as any other output: argparse would be silent about an error."""
        (file or sys.stderr).write(message)

    def not_understood(self, word: str) -> PerflabError:
        """The error of a word that is left over: an unknown option, with the nearest, or a word too many."""
        option = word.partition("=")[0]
        if option.startswith("-"):
            known = [name for action in self._actions for name in action.option_strings if name[:2] == "--"]
            return PerflabError(unknown(f"option of {self.prog}", option, known))
        return PerflabError(
            f"{word}: not understood; wanted {' '.join(self.format_usage().split()).removeprefix('usage: ')}"
        )


def verbs(parser: argparse.ArgumentParser) -> Mapping[str, Parser]:
    """The parser of each verb."""
    return next(
        action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    )


def parsed(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """The arguments in the words. Raises PerflabError for what is not understood."""
    args, left = parser.parse_known_args(words)
    if left:
        raise verbs(parser).get(words[0], parser).not_understood(left[0])
    return args
