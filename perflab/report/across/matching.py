"""Which cell of a new result is which cell of the base: by name, by a map, and by a guess that is told.

A guess pairs cells that only one side has. A moved benchmark has the same function and parameters, and of the
path to it as much as makes it the only one. A renamed one has the same place and parameters and a similar
name with the same digits. perflab's own cells are never guessed: their names are made of what was measured.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from perflab.contract import PerflabError
from perflab.records.typed import escaped
from perflab.report.across import selection
from perflab.report.across.timings import Parts, Side, renamed

ALIKE = 0.75  # the share of two names' characters that are alike in a renamed benchmark
MOST_RENAMED = 200  # names on a side up to which renamed ones are sought
GENERIC = {"test", "bench", "benchmark", "time", "bm", ""}  # words of names that say nothing


@dataclass(frozen=True)
class Matched:
    """A base and a new side whose cells have the base's names; `told` says which were matched otherwise.

    `guessed` are the names of cells that were matched by a guess.
    """

    base: Side
    new: Side
    told: tuple[str, ...] = ()
    guessed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Choice:
    """How cells are matched and which are meant, for any number of new results.

    `pairs` gives the new name of a base's cell, from `maps`; `meant` is the expression of `select`.
    """

    pairs: Mapping[str, str]
    select: str = ""

    @classmethod
    def of(cls, base: Side, news: Sequence[Side], maps: Sequence[str] = (), select: str = "") -> Choice:
        """Read --map and -k for these sides.

        Raises PerflabError for a map without "=", one that matches nothing, one that sends two to one, and
        for an expression that is none or matches nothing.
        """
        names = {name: None for new in news for name in new.names}
        chosen = cls(_mapped(maps, base.names, names), select)
        if select:
            holds = selection.expression(select)
            every = [*base.names, *names]
            if not any(map(holds, every)):
                hint = selection.nearest(select, every)
                raise PerflabError(f"-k {select!r}: matches none of {len(set(every))} cells; {hint}")
        return chosen

    def match(self, base: Side, new: Side) -> Matched:
        """Match one new result with the base, and leave only the meant cells in both."""
        back = {now: was for was, now in self.pairs.items() if now in new.names and was in base.names}
        taken = {name: f"{name} (of NEW)" for name in new.names if name in back.values() and name not in back}
        guesses = dict(_guesses(base, new, {*back, *taken}, {*back.values()}))
        names = taken | back | {now: was for now, (was, _) in guesses.items()}
        told = {was: f"matched by --map: {escaped(was)} is now {escaped(now)}" for now, was in back.items()}
        for now, (was, why) in guesses.items():
            guess = f"{escaped(was)} is taken to be {escaped(now)} now ({why})"
            told[was] = f"matched by a guess: {guess}; --map decides"
        for was, now in _hints(base, new, {*back, *names}, {*told}):
            told[was] = f"perhaps renamed: {escaped(was)} to {escaped(now)}; --map OLD=NEW compares them"
        new = renamed(new, names)
        if self.select:
            holds, called = selection.expression(self.select), {was: now for now, was in names.items()}
            meant = {n for n in (*base.names, *new.names) if holds(n) or holds(called.get(n, n))}
            base, new = _only(base, meant), _only(new, meant)
            told = {was: line for was, line in told.items() if was in meant}
        return Matched(base, new, tuple(told.values()), frozenset(was for was, _ in guesses.values()))


def _only(side: Side, names: set[str]) -> Side:
    kept = {name: timing for name, timing in side.timings.items() if name in names}
    faults, absent = (
        {name: reason for name, reason in reasons.items() if name in names}
        for reasons in (side.faults, side.absent)
    )
    return replace(side, timings=kept, faults=faults, absent=absent)


def _mapped(maps: Sequence[str], base: Iterable[str], new: Iterable[str]) -> dict[str, str]:
    """The new name of each of the base's that a map names."""
    base, new = [*base], dict.fromkeys(new)
    pairs: dict[str, str] = {}
    for text in maps:
        found = _one_map(text, base, new)
        for was, now in found.items():
            if pairs.get(was, now) != now:
                raise PerflabError(
                    f"--map: {escaped(was)} is sent to {escaped(pairs[was])} and to {escaped(now)}"
                )
        pairs |= found
    owners: dict[str, str] = {}
    for was, now in (pairs | {name: name for name in base if name in new and name not in pairs}).items():
        if now in owners:
            both = f"{escaped(owners[now])} and {escaped(was)}"
            raise PerflabError(f"--map: sends two to one: {both} to {escaped(now)}; wanted one each")
        owners[now] = was
    return pairs


def _one_map(text: str, base: Sequence[str], new: Mapping[str, None]) -> dict[str, str]:
    """What one --map sends where. A name may hold "=": the first split that fits both sides is taken."""
    if "=" not in text.strip("="):
        raise PerflabError(f"--map {text!r}: wanted OLD=NEW, in which * stands for the same text")
    splits = [(text[: at.start()], text[at.end() :]) for at in re.finditer("=", text)]
    near = ""
    for old, now in splits:
        if now.count("*") > old.count("*"):
            continue
        sent = dict(_sent(old, now, base))
        kept = {was: target for was, target in sent.items() if target in new}
        if kept:
            return kept
        if sent:
            was, target = next(iter(sent.items()))
            lacks = f"{escaped(was)} would be {escaped(target)}, which NEW lacks"
            near = f"{lacks}; {selection.nearest(target, new)}"
    hint = near or f"BASE has nothing of this name; {selection.nearest(splits[0][0], base)}"
    raise PerflabError(f"--map {text!r}: matches nothing: {hint}")


def _sent(old: str, now: str, base: Iterable[str]) -> Iterator[tuple[str, str]]:
    found = selection.pattern(old.replace("?", "\0"))  # in a map ? stands for itself
    for name in base:
        if match := found.fullmatch(name.replace("?", "\0")):
            texts = iter(match.groups())
            yield (
                name,
                "".join(next(texts) if part == "*" else part for part in re.split(r"(\*)", now)).replace(
                    "\0", "?"
                ),
            )


def _guesses(base: Side, new: Side, used: set[str], sent: set[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Pairs of a new name, and a base's name with the reason, of what only one side has."""
    gone = _parts(base, {*new.names} | sent)
    come = _parts(new, {*base.names} | used)
    for now, was in _moved(gone, come):
        yield now, (was, "the same function and parameters, in another place")
        del gone[was], come[now]
    for now, was in _renamed(gone, come):
        yield now, (was, "the same place and parameters, a similar name")


def _parts(side: Side, others: set[str]) -> dict[str, Parts]:
    return {name: t.parts for name, t in side.timings.items() if t.parts is not None and name not in others}


def _moved(gone: Mapping[str, Parts], come: Mapping[str, Parts]) -> list[tuple[str, str]]:
    """Pairs with the same function and parameters, by the longest end of their places that is unique."""
    pairs: dict[str, str] = {}
    deepest = max((len(parts.place) for parts in (*gone.values(), *come.values())), default=0)
    for depth in range(deepest, -1, -1):
        ends: dict[Parts, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
        for at, (names, paired) in enumerate(((gone, {*pairs.values()}), (come, {*pairs}))):
            for name, parts in names.items():
                if parts.place and len(parts.place) >= depth and name not in paired:
                    end = parts.place[len(parts.place) - depth :]
                    ends[replace(parts, place=end)][at].append(name)
        pairs |= {now[0]: was[0] for was, now in ends.values() if len(was) == len(now) == 1}
    return [*pairs.items()]


def _renamed(gone: Mapping[str, Parts], come: Mapping[str, Parts]) -> list[tuple[str, str]]:
    """Pairs whose functions are the most alike for both, at the same place with the same parameters."""
    if max(len(gone), len(come)) > MOST_RENAMED:
        return []
    alike: dict[tuple[str, str], float] = {}
    for was, old in gone.items():
        for now, parts in come.items():
            same = old.place == parts.place and old.parameters == parts.parameters
            if same and _digits(old.function) == _digits(parts.function):
                share = _likeness(old.function, parts.function)
                if share >= ALIKE:
                    alike[was, now] = share
    pairs = []
    for (was, now), share in alike.items():
        rivals = [other for key, other in alike.items() if key != (was, now) and (was in key or now in key)]
        if share > max(rivals, default=0.0):
            pairs.append((now, was))
    return pairs


def _hints(base: Side, new: Side, used: set[str], sent: set[str]) -> list[tuple[str, str]]:
    """The only two that are left at a place with the same parameters: too little for a guess."""
    left: dict[tuple[object, str], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    sides = (_parts(base, {*new.names} | sent), _parts(new, {*base.names} | used))
    for at, names in enumerate(sides):
        for name, parts in names.items():
            left[parts.place, parts.parameters][at].append(name)
    return [(was[0], now[0]) for was, now in left.values() if len(was) == len(now) == 1 and was != now]


def _likeness(old: str, new: str) -> float:
    """How alike two names are, from 0 to 1; a name that only got further words is very much alike.

    >>> _likeness("test_sum", "test_sum_all"), _likeness("test_sum", "test_product") < ALIKE
    (0.9, True)
    """
    words, others = (set(re.split(r"[_\W]+", name.lower())) - GENERIC for name in (old, new))
    added = 0.9 if words and others and (words < others or others < words) else 0.0
    return max(added, SequenceMatcher(None, old, new, autojunk=False).ratio())


def _digits(name: str) -> list[str]:
    return re.findall(r"\d+", name)
