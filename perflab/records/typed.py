"""Reads plain JSON into frozen dataclasses by their annotations; errors name the field.

    @dataclass(frozen=True)
    class Process:
        threads: Count
        wall_s: Annotated[float, at_least(0)]

    read(Process, {"threads": 1, "wall_s": -2.0})    # Wrong: wall_s is -2.0; wanted a number from 0

A field without a default is required. Unknown fields are ignored, so that a newer perflab may add some.
Numbers are finite, integers fit into 64 bits, and a bool is no number. Control characters in text are read as
escapes, so that they reach no output. A field's metadata may give its `key` in the JSON, or say `flat`: the
fields of this dataclass are beside those of its owner.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache, partial
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from perflab.contract import PerflabError

MOST_DEEP = 32  # levels of a value of any type
MOST_SHOWN = 60  # characters of a value in a message
WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
CONTROLS = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    r"\ufeff\ufff9-\ufffb]"
)
BREAKS = re.compile(r"[\t\n\f\r]")
T = TypeVar("T")
Read = Callable[[Any], Any]


class Wrong(PerflabError):
    """A value that does not fit its field: the field, the value and what was wanted."""

    def __init__(self, wanted: str, value: object = MISSING, path: str = "") -> None:
        self.wanted, self.value, self.path = wanted, value, path
        problem = "is missing" if value is MISSING else f"is {shown(value)}"
        super().__init__(f"{escaped(path.lstrip('.')) or 'the record'} {problem}; wanted {wanted}")

    def within(self, step: str) -> Wrong:
        """The same error, with the path from the surrounding object or list."""
        return Wrong(self.wanted, self.value, step + self.path)


@dataclass(frozen=True)
class Rule:
    """A condition on a value beyond its type, and the wanted value in words."""

    wanted: str
    holds: Callable[[Any], bool]


def between(low: float, high: float, what: str = "a number") -> Rule:
    """A number from `low` to `high`, both included."""
    return Rule(f"{what} from {low:g} to {high:g}", lambda value: low <= value <= high)


def at_least(low: float, what: str = "a number") -> Rule:
    """A number of at least `low` and below 2⁶⁰, which no measurement reaches."""
    return Rule(f"{what} from {low:g}", lambda value: low <= value < 2**60)


def escaped(text: str, *, lines: bool = False) -> str:
    r"""Text with its control characters as escapes; with `lines`, line breaks stay.

    >>> print(escaped("a\x1b[31m\nb"))
    a\x1b[31m\nb
    """
    for pattern in (CONTROLS,) if lines else (CONTROLS, BREAKS):
        text = pattern.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
    return text


FLAT = {"flat": True}
LINES, VERBATIM = object(), object()  # text with line breaks; unchanged text, such as a path
Name = Annotated[str, Rule("a name", bool)]
Text = Annotated[str, LINES]
Location = Annotated[str, VERBATIM]
Whole = Annotated[int, at_least(0, "a whole number")]
Share = Annotated[float, at_least(0)]
Seconds = Annotated[float, between(0, 1e12, "seconds")]
Date = Annotated[float, between(0, 2.5e11, "seconds since 1970")]


def read(kind: type[T], value: Any) -> T:
    """An instance of the dataclass `kind` from plain JSON. Raises Wrong for what does not fit."""
    hint: Any = kind
    instance: T = _reader(hint)(value)
    return instance


def one_of(*words: str) -> Rule:
    """One of these words."""
    return Rule(" or ".join(f'"{word}"' for word in words), lambda value: value in words)


def read_object(value: Any) -> dict[str, Any]:
    """An object with any JSON in it. Raises Wrong for anything else."""
    return {**_anything(_object(value), 0)}


def parsed(text: bytes) -> Any:
    """JSON in UTF-8; NaN and infinities pass here and are refused later, where a number is wanted.

    Raises ValueError, also for too deep nesting.
    """
    try:
        return json.loads(text.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def shown(value: object) -> str:
    """A value for a message: short, in one line, control characters escaped."""
    if isinstance(value, (Mapping, list, tuple)):
        what = "an object" if isinstance(value, Mapping) else "a list"
        return what if value else f"{what} with nothing in it"
    text = json.dumps(value) if value is None or isinstance(value, (bool, str)) else repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


@cache
def _reader(hint: Any) -> Read:
    """The function that turns plain JSON into a value of an annotation."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: _anything(value, 0)
    if hint in WORDS:
        return _scalar(hint)
    if origin is Annotated:
        if args[1] is VERBATIM:
            return _text
        if args[1] is LINES:
            return lambda value: escaped(_text(value), lines=True)
        return _ruled(_reader(args[0]), args[1:])
    if origin in (Union, UnionType) and NoneType in args:
        (kind,) = (arg for arg in args if arg is not NoneType)
        inner = _reader(kind)
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        return _list_of(_reader(args[0])) if args[-1] is Ellipsis else _row_of([*map(_reader, args)])
    if origin is Mapping:
        return _object_of(_reader(args[0]), _reader(args[1]))
    if is_dataclass(hint):
        return _dataclass(hint)
    raise TypeError(f"{hint!r}: no annotation that can be read")


def _scalar(kind: Any) -> Read:
    def scalar(value: Any) -> Any:
        if kind is float and type(value) is int and abs(value) < 2**63:
            return float(value)
        if type(value) is not kind or (kind is int and abs(value) >= 2**63):
            raise Wrong(WORDS[kind], value)
        if kind is float and not isfinite(value):
            raise Wrong("a finite number", value)
        return value if kind is not str or value.isprintable() else escaped(value)

    return scalar


def _ruled(inner: Read, rules: tuple[Rule, ...]) -> Read:
    def ruled(value: Any) -> Any:
        try:
            result = inner(value)
        except Wrong as wrong:
            raise Wrong(rules[0].wanted, wrong.value, wrong.path) if not wrong.path else wrong from None
        for rule in rules:
            if not rule.holds(result):
                raise Wrong(rule.wanted, value)
        return result

    return ruled


def _list_of(inner: Read) -> Read:
    def list_of(value: Any) -> tuple[Any, ...]:
        items = _list(value)
        try:
            return tuple(map(inner, items))
        except Wrong:  # read again, slowly, to name the item
            return tuple(_at(f"[{position}]", inner, item) for position, item in enumerate(items))

    return list_of


def _row_of(inner: list[Read]) -> Read:
    def row_of(value: Any) -> tuple[Any, ...]:
        if len(_list(value)) != len(inner):
            raise Wrong(f"a list of {len(inner)}", value)
        return tuple(_at(f"[{i}]", *pair) for i, pair in enumerate(zip(inner, value, strict=True)))

    return row_of


def _object_of(key: Read, inner: Read) -> Read:
    def object_of(value: Any) -> dict[Any, Any]:
        items = _object(value).items()
        return {_at(f".{shown(name)}", key, name): _at(f".{name}", inner, item) for name, item in items}

    return object_of


def _dataclass(kind: Any) -> Read:
    hints = get_type_hints(kind, include_extras=True)
    members = []
    for field in fields(kind):
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        key = "" if field.metadata.get("flat") else field.metadata.get("key", field.name)
        members.append((field.name, key, _reader(hints[field.name]), has_default))

    def dataclass_of(value: Any) -> Any:
        given = _object(value)
        arguments = {}
        for name, key, inner, has_default in members:
            if not key:
                arguments[name] = inner(value)
            elif key in given:
                arguments[name] = _at(f".{key}", inner, given[key])
            elif not has_default:
                raise Wrong("a field of that name", MISSING, f".{key}")
        instance = kind(**arguments)
        if hasattr(instance, "check"):
            instance.check()
        return instance

    return dataclass_of


def _at(step: str, inner: Read, value: Any) -> Any:
    try:
        return inner(value)
    except Wrong as wrong:
        raise wrong.within(step) from None


def _anything(value: Any, depth: int) -> Any:
    """A value with any JSON in it."""
    if depth > MOST_DEEP:
        raise Wrong(f"at most {MOST_DEEP} levels in one another", value)
    if isinstance(value, dict):
        return {escaped(str(name)): _anything(item, depth + 1) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_anything(item, depth + 1) for item in value]
    if isinstance(value, str):
        return escaped(value)
    return value if value is None or isinstance(value, bool) else _scalar(type(value))(value)


def _of_type(types: Any, words: str, value: Any) -> Any:
    if not isinstance(value, types):
        raise Wrong(words, value)
    return value


_text = partial(_of_type, str, WORDS[str])
_list = partial(_of_type, (list, tuple), "a list")
_object = partial(_of_type, Mapping, "an object")
