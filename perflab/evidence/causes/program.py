"""The source of a compiled function as trees, with the kinds of its names, for interventions to change."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

Trees = Mapping[str, ast.Module]
Place = tuple[int, ...]  # of a value among the arguments: (1,), or (1, 0) in a tuple


@dataclass(frozen=True)
class Kind:
    """What Numba inferred of a name: the dtype of a scalar, or of an array of `ndim` axes."""

    dtype: str
    ndim: int = 0

    @property
    def is_float(self) -> bool:
        """Whether it is a floating-point scalar or array."""
        return self.dtype.startswith("float")

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole number, or an array of these."""
        return self.dtype.startswith(("int", "uint"))


Kinds = Mapping[str, Kind]
Edit = Callable[[ast.FunctionDef, Kinds], bool]


@dataclass(frozen=True)
class Program:
    """A function that is compiled, or that calls compiled ones, and the arguments of one call.

    trees      the files of its code by name; nobody changes them
    entry      the file and the name of the function itself
    compiled   the compiled functions that it reaches, by file and name, with the kinds of their names
    args       the arguments
    result     what the call returned
    options    Numba's options of the entry
    """

    trees: Trees
    entry: tuple[str, str]
    compiled: Mapping[tuple[str, str], Kinds]
    args: tuple[Any, ...] = ()
    result: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def edited(self, edit: Edit) -> Trees | None:
        """Copies of the trees in which `edit` changed the compiled functions; None where it changed none.

        `edit` changes a function's tree in place, and says whether it did.
        """
        trees = deepcopy(dict(self.trees))
        changed = [edit(node, kinds) for node, kinds in self._functions(trees)]
        return trees if any(changed) else None

    def edited_entry(self, edit: Edit) -> Trees | None:
        """As `edited`, of the function itself alone."""
        trees = deepcopy(dict(self.trees))
        node = find(trees, *self.entry)
        return trees if node is not None and edit(node, self.compiled.get(self.entry, {})) else None

    def any(self, holds: Callable[[ast.FunctionDef, Kinds], bool]) -> bool:
        """Whether something holds of one of the compiled functions."""
        return any(holds(node, kinds) for node, kinds in self._functions(self.trees))

    def _functions(self, trees: Trees) -> list[tuple[ast.FunctionDef, Kinds]]:
        every = [(find(trees, *place), kinds) for place, kinds in self.compiled.items()]
        return [(node, kinds) for node, kinds in every if node is not None]

    def places(self) -> dict[str, Place]:
        """Where among the arguments a name of the entry is found: a parameter, or an item of one.

        `x, w = cache` gives the items of the parameter `cache`.
        """
        node = find(self.trees, *self.entry)
        if node is None:
            return {}
        places: dict[str, Place] = {arg.arg: (at,) for at, arg in enumerate(node.args.args)}
        for statement in node.body:
            match statement:
                case ast.Assign([ast.Tuple(targets)], ast.Name(source)) if source in places:
                    for at, target in enumerate(targets):
                        if isinstance(target, ast.Name):
                            places[target.id] = (*places[source], at)
        return places

    def at(self, place: Place) -> Any:
        """The value at a place among the arguments; None where there is none."""
        value: Any = self.args
        for step in place:
            if not isinstance(value, tuple) or step >= len(value):
                return None
            value = value[step]
        return value


def find(trees: Trees, file: str, name: str) -> ast.FunctionDef | None:
    """A function's definition in a file, at any depth."""
    tree = trees.get(file)
    nodes = ast.walk(tree) if tree else ()
    return next((n for n in nodes if isinstance(n, ast.FunctionDef) and n.name == name), None)


def replaced(args: tuple[Any, ...], place: Place, value: Any) -> tuple[Any, ...]:
    """The arguments with another value at a place."""
    first, *rest = place
    inner = replaced(args[first], tuple(rest), value) if rest else value
    return (*args[:first], inner, *args[first + 1 :])
