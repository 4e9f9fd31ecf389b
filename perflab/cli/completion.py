"""What a shell offers at the TAB key: operations, techniques, cases, presets, figures; elsewhere, files."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

import argcomplete

from perflab import catalog
from perflab.cli import parsing
from perflab.contract import DIRECTIONS, DTYPES, PerflabError

Offer = Callable[..., Iterable[str]]


def answer(parser: argparse.ArgumentParser, **how: Any) -> None:
    """Answer the shell, if it is the one that asks, and end the process."""
    for name, verb in parsing.verbs(parser).items():
        for action in verb._actions:
            offer = OF_VERBS.get((name, action.dest)) or OFFERS.get(action.dest)
            if offer and not action.choices:
                action.completer = offer  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser, always_complete_options="long", **how)


def _operations(**_: Any) -> Iterable[str]:
    return catalog.operations()


def _targets(prefix: str, **_: Any) -> list[str]:
    operation, slash, _technique = prefix.partition("/")
    if slash or operation in catalog.operations():
        return [operation, *(f"{operation}/{technique}" for technique in _of(catalog.techniques, operation))]
    return [*catalog.operations()]


def _studied(prefix: str, **_: Any) -> list[str]:
    return [*_targets(prefix), "chain-rule"]


def _techniques(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    return [name for op in _named(parsed_args) for name in _of(catalog.techniques, op)]


def _cases(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    from perflab.catalog.cases import every_case

    return [case for op in _named(parsed_args) for case in every_case(catalog.operation(op))]


def _checks(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    return [case for op in _named(parsed_args) for case in catalog.operation(op).checks]


def _axes(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """The words that begin a size: NAME=."""
    described = [catalog.operation(op) for op in _named(parsed_args)]
    names = [name for each in described for name in each.case(each.study_case).sizes]
    names += [
        name for each in described for name, a in each.arguments.items() if a.kind in ("pair", "scalar")
    ]
    return [f"{name}=" for name in dict.fromkeys(names)]


def _figures(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    return [path.stem for path in (parsed_args.folder / "figures").glob("*.svg")]


def _kinds(**_: Any) -> list[str]:
    from perflab.run.referee.corpus import kinds

    return [kind.name for kind in kinds()]


def _presets(**_: Any) -> Iterable[str]:
    from perflab.run.presets import PRESETS

    return PRESETS


def _peers(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    return [catalog.home(peer) for op in _named(parsed_args) for peer in _of(catalog.peers, op)]


def _named(args: argparse.Namespace) -> list[str]:
    """The operations that were typed already; all where there is none."""
    words = [
        *(getattr(args, "targets", None) or ()),
        getattr(args, "target", None),
        getattr(args, "operation", None),
    ]
    typed = [word.partition("/")[0] for word in words if word]
    return [name for name in typed if name in catalog.operations()] or [*catalog.operations()]


def _of(known: Callable[[str], Iterable[str]], operation: str) -> Iterable[str]:
    try:
        return known(operation)
    except PerflabError:
        return ()


def _words(*words: str) -> Offer:
    return lambda **_: words


OFFERS: dict[str, Offer] = {
    "targets": _targets, "target": _studied, "operation": _operations, "case": _cases, "preset": _presets,
    "rung": _techniques, "asm": _techniques, "technique": _techniques, "baseline": _techniques,
    "peer": _peers, "dtype": _words(*DTYPES), "direction": _words(*DIRECTIONS), "threads": _words("1", "all"),
    "kinds": _kinds, "judge": _words("perflab", "stopwatch", "pytest-benchmark", "verify-once"),
    "model": _words("cnn", "linear"), "figure": _figures, "size": _axes, "sweep": _axes,
}  # fmt: skip
OF_VERBS: dict[tuple[str, str], Offer] = {
    ("verify", "case"): _checks,
    ("train", "technique"): lambda **about: ["fastest", *_techniques(**about)],
}
