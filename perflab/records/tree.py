"""The tree of an operation's ladder: each technique stands on the one that it improves, the root on none.

A tree is a mapping from technique to the technique on which it stands, "" for the root, in an order in which
each technique comes after the one that it stands on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

Since = Mapping[str, str]
MOST_DEEP = 100  # techniques below one; a file that names more is damaged


@dataclass(frozen=True)
class Node:
    """A technique's place in a drawing of the tree.

    `branch` numbers the branches in the order of drawing, from 0 for the root alone; `step` is its place
    in its branch; `lane` counts the branches from the root's to its own.
    """

    technique: str
    parent: str
    branch: int
    step: int
    lane: int


def linear(ladder: Iterable[str]) -> dict[str, str]:
    """Each technique stands on the one before it: the tree of an operation that names no other."""
    names = [*ladder]
    return dict(zip(names, ["", *names], strict=False))


def fault(since: Since) -> str:
    """What is wrong with a tree, in words; "" if nothing is."""
    depth: dict[str, int] = {}
    for technique, parent in since.items():
        if not parent and depth:
            return f"{technique} stands on none, as {next(iter(depth))} does"
        if parent and parent not in depth:
            return f"{technique} stands on {parent}, which does not come before it"
        depth[technique] = depth[parent] + 1 if parent else 0
        if depth[technique] > MOST_DEEP:
            return f"{technique} stands on more than {MOST_DEEP} others"
    return ""


def ancestors(since: Since, technique: str) -> Iterator[str]:
    """The techniques below one, the nearest first."""
    parent = since.get(technique, "")
    while parent:
        yield parent
        parent = since.get(parent, "")


def standing_on(since: Since, technique: str) -> Iterator[str]:
    """The techniques that stand on one, directly or on others between, the nearest first.

    >>> [*standing_on({"a": "", "b": "a", "c": "b", "d": "a"}, "a")]
    ['b', 'd', 'c']
    """
    level = {technique}
    while level:
        names = [name for name, parent in since.items() if parent in level]
        yield from names
        level = {*names}


def within(since: Since, names: Collection[str]) -> dict[str, str]:
    """The tree of these techniques alone: each stands on its nearest ancestor among them, or on none."""
    return {name: next((below for below in ancestors(since, name) if below in names), "") for name in names}


def nodes(since: Since, apart: Collection[str] = ()) -> tuple[Node, ...]:
    """The techniques in the order of a drawing.

    A technique's first child continues its branch. Every further child begins a branch, which is drawn before
    that continuation; so does every child of a root, and every technique in `apart`.
    """
    children: dict[str, list[str]] = {}
    for technique, parent in since.items():
        children.setdefault(parent, []).append(technique)
    begun: list[str] = []

    def drawn(technique: str, below: Node | None) -> Iterator[Node]:
        above = children.get(technique, [])
        if below and below.parent and technique == below_first(below.technique):
            node = Node(technique, below.technique, below.branch, below.step + 1, below.lane)
        else:
            begun.append(technique)
            lane = below.lane + 1 if below else 0
            node = Node(technique, below.technique if below else "", len(begun) - 1, 0, lane)
        yield node
        first = below_first(technique) if node.parent else ""
        for child in sorted(above, key=lambda child: child == first):
            yield from drawn(child, node)

    def below_first(parent: str) -> str:
        return next((child for child in children.get(parent, ()) if child not in apart), "")

    return tuple(node for root in children.get("", ()) for node in drawn(root, None))
