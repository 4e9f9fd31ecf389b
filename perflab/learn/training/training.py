"""Training on the handwritten digits: mini-batches, a fixed split, the loss curve, the time of every layer.

Verified or no number: before a technique's time is kept, the oracle has verified it on its operation's check
cases, and on the very inputs and gradients of the first batch. Several techniques train side by side: they
take turns step by step, on the same batches from the same weights, and their loss curves must agree.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from perflab import catalog, errors, machine, oracle
from perflab.catalog import inputs
from perflab.contract import DTYPES, Array, PerflabError
from perflab.learn.training.curves import AGREEMENT, Contender, apart, disagreements, to_json
from perflab.learn.training.layers import FASTEST_NAME, MODELS, Spec, build, specs, techniques
from perflab.learn.training.network import Call

SCHEMA = 1
SPLIT_SEED, TEST = 0, 360  # of 1,797 digits; the same for every seed, so that accuracies compare
EPOCHS, COMPARED_STEPS = 20, 20
LONG_S = 0.05  # a step for which it does not matter what another technique left in the caches

Tell = Callable[[int, int, str], None]  # told of every step: done, of how many, and what


@dataclass(frozen=True)
class Settings:
    """What is trained, and how. Without `steps`, all steps of the epochs; with them, the first so many.

    `compare` names the techniques that train side by side; one alone is trained where it is empty.
    """

    layers: str = MODELS["cnn"]
    technique: str = FASTEST_NAME
    by_layer: Mapping[str, str] = field(default_factory=dict)
    compare: tuple[str, ...] = ()
    epochs: int = EPOCHS
    steps: int | None = None
    batch: int = 32
    rate: float = 0.1
    reg: float = 0.0
    seed: int = 0
    dtype: str = "float32"

    def checked(self) -> Settings:
        """The same, or PerflabError with the first value that cannot be, and what was wanted."""
        most = len(split()[0])
        whole = {"--epochs": (self.epochs, 1), "--batch": (self.batch, 1), "--seed": (self.seed, 0)}
        if self.steps is not None:
            whole["--steps"] = (self.steps, 1)
        for name, (value, least) in whole.items():
            if value < least:
                raise PerflabError(f"{name}: {value}; wanted at least {least}")
        if self.batch > most:
            raise PerflabError(f"--batch: {self.batch}; wanted at most {most}, the digits to train on")
        if not (math.isfinite(self.rate) and self.rate > 0):
            raise PerflabError(f"--rate: {self.rate}; wanted a finite learning rate above 0")
        if not (math.isfinite(self.reg) and self.reg >= 0):
            raise PerflabError(f"--reg: {self.reg}; wanted a finite number, at least 0")
        if self.dtype not in DTYPES:
            raise PerflabError(errors.unknown("dtype", self.dtype, DTYPES))
        if len(set(self.compare)) < len(self.compare) or len(self.compare) == 1:
            names = ", ".join(self.compare)
            raise PerflabError(f"--compare: {names}; wanted two techniques or more, each once")
        return self

    @property
    def total(self) -> int:
        """How many steps are taken, if the loss stays finite."""
        return self.steps or self.epochs * (len(split()[0]) // self.batch)


def settings(
    *,
    model: str = "cnn",
    layers: str | None = None,
    by_layer: Sequence[str] = (),
    compare: str | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    dtype: str | None = None,
    **numbers: Any,
) -> Settings:
    """Settings from the words of `perflab train`; what is None is chosen here.

    `by_layer` are LAYER=TECHNIQUE, `compare` is a comma-separated list. Raises PerflabError for what is
    unknown or does not go together.
    """
    if model not in MODELS:
        raise PerflabError(errors.unknown("model", model, MODELS))
    for word in by_layer:
        if not all(word.partition("=")):
            raise PerflabError(f"--with-technique: {word}; wanted LAYER=TECHNIQUE")
    names = tuple(filter(None, (compare or "").split(",")))
    if compare is not None and (by_layer or epochs is not None):
        raise PerflabError("--compare: takes the first --steps of whole techniques; wanted it without"
                           " --epochs and --with-technique")  # fmt: skip
    if compare is not None and len(names) < 2:
        raise PerflabError(f"--compare: {compare or 'nothing'}; wanted two techniques or more")
    if compare is not None and dtype not in (None, "float64"):
        raise PerflabError(f"--dtype: {dtype}; wanted float64 with --compare, whose curves must agree")
    return Settings(
        layers=MODELS[model] if layers is None else layers,
        by_layer=dict(word.partition("=")[::2] for word in by_layer),
        compare=names,
        epochs=EPOCHS if epochs is None else epochs,
        steps=COMPARED_STEPS if names and steps is None else steps,
        dtype=dtype or ("float64" if names else "float32"),
        **numbers,
    )


def split() -> tuple[Array, Array]:
    """The places of the digits to train on (1437,) and to test on (360,): one fixed shuffle."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(inputs.digits()[1]))
    return order[TEST:], order[:TEST]


def digits(dtype: str) -> tuple[Array, Array]:
    """Images (1797, 1, 8, 8) with values from 0 to 1, and labels (1797,) int64."""
    images, labels = inputs.digits()
    return (images / 16.0).astype(dtype)[:, np.newaxis], labels.astype(np.int64)


def batches(settings: Settings) -> Iterator[Array]:
    """The places of batch after batch: each epoch another shuffle, its incomplete batch left out."""
    places = split()[0]
    rng = np.random.default_rng([settings.seed, 1])
    while True:
        order = rng.permutation(places)
        for at in range(0, len(order) - settings.batch + 1, settings.batch):
            yield order[at : at + settings.batch]


def train(settings: Settings, tell: Tell | None = None) -> dict[str, Any]:
    """Train, and give what is to be saved, as plain JSON: settings, curve, accuracy, seconds, findings.

    A loss that is not finite ends its training: the curve so far is kept, and the line is a finding.
    Raises PerflabError for settings that cannot be, and for a technique that the oracle finds wrong.
    """
    settings = settings.checked()
    layers = specs(settings.layers)
    contenders = [_contender(settings, layers, name) for name in settings.compare or (settings.technique,)]
    images, labels = digits(settings.dtype)
    began, total = time.time(), settings.total
    known: dict[tuple[str, str], dict[str, Any]] = {}
    first = next(batches(settings))
    try:
        with np.errstate(all="ignore"):  # what overflows is told as a loss that is not finite
            for one in contenders:
                if tell is not None:
                    tell(0, total, f"verifying {one.name}")
                _verify(one, settings, images[first], labels[first], known)
            spent = _descend(settings, contenders, images, labels, tell)
    except MemoryError:
        raise PerflabError(
            f"{settings.layers}: a batch of {settings.batch} does not fit into memory"
        ) from None
    return _saved(settings, layers, contenders, began, spent)


def used(settings: Settings) -> dict[str, list[str]]:
    """Operation -> the techniques that a training calls. Raises PerflabError as `train` does."""
    settings = settings.checked()
    layers = specs(settings.layers)
    found: dict[str, list[str]] = {}
    for name in settings.compare or (settings.technique,):
        chosen, _ = techniques(layers, name, settings.by_layer, settings.dtype)
        for spec in layers:
            held = found.setdefault(spec.operation, []) if spec.operation else []
            if spec.operation and chosen[spec.name] not in held:
                held.append(chosen[spec.name])
    return found


def _contender(settings: Settings, layers: Sequence[Spec], name: str) -> Contender:
    chosen, notes = techniques(layers, name, settings.by_layer, settings.dtype)
    network = build(layers, chosen, settings.dtype, settings.seed, settings.reg)
    if settings.by_layer and not settings.compare:
        name = ", ".join(dict.fromkeys(chosen.values()))
    seconds: dict[str, dict[str, list[float]]] = {
        layer.name: {"forward": [], "backward": []} for layer in layers
    }
    return Contender(name, network, chosen, notes, seconds=seconds)


# ----------------------------------------------------------------------------------------------- verified


def _verify(
    one: Contender, settings: Settings, x: Array, y: Array, known: dict[tuple[str, str], dict[str, Any]]
) -> None:
    """Hold every technique to the oracle: on its check cases once, and on what the first batch gives it.

    The call also compiles its kernels for these shapes, before the clock starts.
    """
    _, calls = one.network.step(x, y)
    for layer, call in zip(one.network.every, calls, strict=True):
        if not layer.operation:
            continue
        key = (layer.operation, layer.technique)
        if key not in known:
            known[key] = _checked(*key, settings.dtype)
        share = _held(layer.operation, layer.technique, call, settings.dtype)
        one.verified.append({"layer": layer.name, **known[key], "error_first_batch": share})


def _checked(operation: str, technique: str, dtype: str) -> dict[str, Any]:
    verdict = oracle.verify(operation, technique, dtype=dtype)
    if not verdict:
        raise PerflabError(f"{operation}/{technique} {dtype}: {verdict.status}: {verdict.where}; no number")
    return {"operation": operation, "technique": technique, "status": verdict.status, "error": verdict.error}


def _held(operation: str, technique: str, call: Call, dtype: str) -> float:
    """The worst error of a layer's output and gradients, as a share of the rounding bound."""
    described, raw = catalog.operation(operation), catalog.raw(operation, technique)
    right = oracle.reference(described, call.args, call.dout, dtype)
    right = oracle.held_to(right, raw, call.args, call.dout)
    got = (call.out, *call.gradients)
    wrong = oracle.form(right, got)
    worst = [] if wrong else [found for found in oracle.judge(right, got) if not found.share <= 1]
    if worst:
        wrong = f"{worst[0].where}: got {worst[0].got}, wanted {worst[0].wanted}"
    if wrong:
        raise PerflabError(f"{operation}/{technique} {dtype} on the first batch: {wrong}; no number")
    return max((found.share for found in oracle.judge(right, got)), default=0.0)


# ------------------------------------------------------------------------------------------------ descent


def _descend(
    settings: Settings, contenders: Sequence[Contender], images: Array, labels: Array, tell: Tell | None
) -> float:
    """Take all steps; the seconds from the first to the last, accuracies included."""
    total, test = settings.total, split()[1]
    an_epoch = len(split()[0]) // settings.batch
    began = perf_counter()
    for step, places in enumerate(batches(settings), 1):
        turn = step % len(contenders)
        for one in (*contenders[turn:], *contenders[:turn]):
            if one.diverged:
                continue
            if len(contenders) > 1 and not (one.whole_s and one.whole_s[-1] > LONG_S):
                one.network.step(images[places], labels[places])  # untimed: the caches are its own again
            _step(one, settings, images, labels, places, step)
        if not settings.compare and (step % an_epoch == 0 or step == total):
            for one in contenders:
                if not one.diverged:
                    right = one.network.scores(images[test]).argmax(axis=1) == labels[test]
                    one.accuracy.append({"step": step, "test": float(right.mean())})
        if tell is not None:
            loss = contenders[0].losses[-1]
            tell(step, total, f"loss {loss:.4f}" + _reached(contenders[0]))
        if step == total or all(one.diverged for one in contenders):
            break
    return perf_counter() - began


def _step(one: Contender, settings: Settings, images: Array, labels: Array, places: Array, step: int) -> None:
    """One step: a batch, the loss, the way back, W ← W − α·dW; and how long each of these took."""
    began = perf_counter()
    loss, calls = one.network.step(images[places], labels[places])
    one.losses.append(loss)
    if not math.isfinite(loss):
        one.diverged = f"{one.name}: the loss is {loss} at step {step}: diverged at a learning rate of"
        one.diverged += f" {settings.rate:g}; stopped, the curve so far is kept"
        return
    one.network.descend(calls, settings.rate)
    one.whole_s.append(perf_counter() - began)
    for layer, call in zip(one.network.every, calls, strict=True):
        one.seconds[layer.name]["forward"].append(call.forward_s)
        one.seconds[layer.name]["backward"].append(call.backward_s)


def _reached(one: Contender) -> str:
    return f", test accuracy {one.accuracy[-1]['test']:.1%}" if one.accuracy else ""


def _saved(
    settings: Settings, layers: Sequence[Spec], contenders: Sequence[Contender], began: float, spent: float
) -> dict[str, Any]:
    curves = disagreements([one.name for one in contenders], [one.losses for one in contenders])
    findings = [one.diverged for one in contenders if one.diverged]
    if settings.dtype == "float64":
        findings += [apart(one) for one in curves if not one["ok"]]
    places = split()
    return {
        "schema": SCHEMA,
        "settings": asdict(settings) | {"compare": list(settings.compare), "total_steps": settings.total},
        "environment": machine.environment(),
        "threads": machine.pools(),
        "started": began,
        "wall_s": spent,
        "split": {"seed": SPLIT_SEED, "train": len(places[0]), "test": len(places[1])},
        "layers": [
            {"name": s.name, "kind": s.kind, "operation": s.operation, "sizes": dict(s.sizes),
             "shape": list(s.shape), "weights": [list(w) for w in s.weights]}
            for s in layers
        ],
        "sets": [to_json(one) for one in contenders],
        "agreement": {"allowed": AGREEMENT, "curves": curves},
        "findings": findings,
    }  # fmt: skip
