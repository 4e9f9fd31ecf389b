"""Training on the handwritten digits: mini-batches, a fixed split, the loss curve, the time of every layer.

Verified or no number: no time is kept before the oracle has verified a technique, on its operation's check
cases and on the inputs and gradients of the first batch. Several techniques train side by side: they take
turns step by step, on the same batches from the same weights, and their loss curves must agree.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from time import perf_counter
from typing import Any

import numpy as np

from perflab import catalog, errors, machine, oracle
from perflab.catalog import inputs
from perflab.contract import DTYPES, WRONG, Array, Implementation, PerflabError
from perflab.learn.training.curves import AGREEMENT, SCHEMA, Variant, difference_line, differences, to_json
from perflab.learn.training.layers import FASTEST_NAME, MODELS, Spec, build, specs, techniques
from perflab.learn.training.network import Call

SPLIT_SEED, TEST = 0, 360  # of 1,797 digits; the same for every seed, so that accuracies can be compared
EPOCHS, COMPARED_STEPS = 20, 20
LONG_S = 0.05  # in a step this long the state of the caches at its beginning does not matter


class NoNumber(PerflabError):
    """A technique that was not shown to be right and so is not trained; `status` is the verdict's."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(f"{message}; no number")
        self.status = status


OnStep = Callable[[int, int, str], None]  # called with the number of steps done, the total, and a text


@dataclass(frozen=True)
class Settings:
    """What is trained, and how. `steps` limits the steps of the epochs.

    `compare` names the techniques that train side by side; where it is empty, one technique trains.
    Raises PerflabError with the first value that is not valid, and what was wanted.
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

    def __post_init__(self) -> None:
        """Check every value."""
        most, names = len(split()[0]), self.compare
        least = {"epochs": 1, "batch": 1, "seed": 0} | ({} if self.steps is None else {"steps": 1})
        for name, low in least.items():
            if getattr(self, name) < low:
                raise PerflabError(f"--{name}: {getattr(self, name)}; wanted at least {low}")
        checks = (
            (self.batch <= most, f"--batch: {self.batch}; wanted at most {most}, the digits to train on"),
            (0 < self.rate < math.inf, f"--rate: {self.rate}; wanted a finite learning rate above 0"),
            (0 <= self.reg < math.inf, f"--reg: {self.reg}; wanted a finite number, at least 0"),
            (self.dtype in DTYPES, errors.unknown("dtype", self.dtype, DTYPES)),
            (len(set(names)) == len(names) != 1,
             f"--compare: {', '.join(names)}; wanted two techniques or more, each once"),
        )  # fmt: skip
        for valid, message in checks:
            if not valid:
                raise PerflabError(message)

    @classmethod
    def from_options(
        cls, *, model: str = "cnn", layers: str | None = None, by_layer: Sequence[str] = (),
        compare: str | None = None, **options: Any,
    ) -> Settings:  # fmt: skip
        """Settings from the options of `perflab train`; one that is None takes its default.

        `by_layer` are LAYER=TECHNIQUE, `compare` is a comma-separated list. Raises PerflabError for unknown
        values and for options that exclude each other.
        """
        options = {name: value for name, value in options.items() if value is not None}
        if model not in MODELS:
            raise PerflabError(errors.unknown("model", model, MODELS))
        for word in by_layer:
            if not all(word.partition("=")):
                raise PerflabError(f"--with-technique: {word}; wanted LAYER=TECHNIQUE")
        if compare is not None:
            names = tuple(filter(None, compare.split(",")))
            if by_layer or "epochs" in options:
                raise PerflabError("--compare: takes the first --steps of whole techniques; wanted it without"
                                   " --epochs and --with-technique")  # fmt: skip
            if len(names) < 2:
                raise PerflabError(f"--compare: {compare or 'nothing'}; wanted two techniques or more")
            if (dtype := options.setdefault("dtype", "float64")) != "float64":
                message = f"--dtype: {dtype}; wanted float64 with --compare, whose curves must agree"
                raise PerflabError(message)
            options = {"steps": COMPARED_STEPS} | options | {"compare": names}
        pairs = dict(word.partition("=")[::2] for word in by_layer)
        return cls(layers=MODELS[model] if layers is None else layers, by_layer=pairs, **options)

    @property
    def total(self) -> int:
        """The number of steps, if the loss stays finite."""
        return self.steps or self.epochs * (len(split()[0]) // self.batch)

    @property
    def names(self) -> tuple[str, ...]:
        """The techniques that train."""
        return self.compare or (self.technique,)


def split() -> tuple[Array, Array]:
    """The indices of the digits to train on (1437,) and to test on (360,): one fixed shuffle."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(inputs.digits()[1]))
    return order[TEST:], order[:TEST]


def digits(dtype: str) -> tuple[Array, Array]:
    """Images (1797, 1, 8, 8) with values from 0 to 1, and labels (1797,) int64."""
    images, labels = inputs.digits()
    return (images / 16.0).astype(dtype)[:, np.newaxis], labels.astype(np.int64)


def batches(settings: Settings) -> Iterator[Array]:
    """The indices of one batch after another: a new shuffle each epoch, without the incomplete last batch."""
    indices = split()[0]
    rng = np.random.default_rng([settings.seed, 1])
    while True:
        order = rng.permutation(indices)
        for at in range(0, len(order) - settings.batch + 1, settings.batch):
            yield order[at : at + settings.batch]


def train(settings: Settings, on_step: OnStep = lambda done, total, text: None) -> dict[str, Any]:
    """Train; what is saved, as plain JSON: settings, curve, accuracy, seconds, findings.

    A loss that is not finite ends a variant's training: its curve so far is kept, and a finding is added.
    Raises PerflabError for unknown layers and techniques, and NoNumber for a technique that the oracle does
    not find right.
    """
    layers = specs(settings.layers)
    variants = [_variant(settings, layers, name) for name in settings.names]
    images, labels = digits(settings.dtype)
    began, check = time.time(), cache(_checked)
    first = next(batches(settings))
    try:
        with np.errstate(all="ignore"):  # an overflow is reported as a loss that is not finite
            for variant in variants:
                on_step(0, settings.total, f"verifying {variant.name}")
                _verify(variant, settings.dtype, images[first], labels[first], check)
            wall_s = _descend(settings, variants, images, labels, on_step)
    except MemoryError:
        message = f"{settings.layers}: a batch of {settings.batch} does not fit into memory"
        raise PerflabError(message) from None
    return _saved(settings, layers, variants, began, wall_s)


def used(settings: Settings) -> dict[str, list[str]]:
    """Operation -> the techniques that a training calls. Raises PerflabError as `train` does."""
    layers = specs(settings.layers)
    sets = [techniques(layers, name, settings.by_layer, settings.dtype)[0] for name in settings.names]
    pairs = [(spec.operation, chosen[spec.name]) for chosen in sets for spec in layers if spec.operation]
    return {operation: list(dict.fromkeys(name for other, name in pairs if other == operation))
            for operation, _ in pairs}  # fmt: skip


def _variant(settings: Settings, layers: Sequence[Spec], name: str) -> Variant:
    chosen, notes = techniques(layers, name, settings.by_layer, settings.dtype)
    network = build(layers, chosen, settings.dtype, settings.seed, settings.reg)
    if settings.by_layer and not settings.compare:
        name = ", ".join(dict.fromkeys(chosen.values()))
    seconds: dict[str, dict[str, list[float]]] = {s.name: {"forward": [], "backward": []} for s in layers}
    return Variant(name, network, chosen, notes, seconds)


# ----------------------------------------------------------------------------------------------- verified


def _verify(
    variant: Variant, dtype: str, x: Array, y: Array, check: Callable[[str, str, str], dict[str, Any]]
) -> None:
    """Verify every technique on its check cases, by `check`, and on the first batch.

    The step also compiles the kernels for these shapes before anything is timed.
    """
    _, calls = variant.network.step(x, y)
    for layer, call in zip(variant.network.every, calls, strict=True):
        raw = layer.implementation
        if raw.operation:
            checked = check(raw.operation, raw.technique, dtype)
            error = _first_batch_error(raw, call, dtype)
            variant.verified.append({"layer": layer.name, **checked, "error_first_batch": error})


def _checked(operation: str, technique: str, dtype: str) -> dict[str, Any]:
    verdict = oracle.verify(operation, technique, dtype=dtype)
    if not verdict:
        message = f"{operation}/{technique} {dtype}: {verdict.status}: {verdict.where}"
        raise NoNumber(verdict.status, message)
    return {"operation": operation, "technique": technique, "status": verdict.status, "error": verdict.error}


def _first_batch_error(raw: Implementation, call: Call, dtype: str) -> float:
    """The largest error of a layer's output and gradients, as a share of the rounding bound."""
    reference = oracle.reference(catalog.operation(raw.operation), call.args, call.dout, dtype)
    reference = oracle.held_to(reference, raw, call.args, call.dout)
    results = (call.out, *call.gradients)
    wrong = oracle.form(reference, results)
    judged = [] if wrong else oracle.judge(reference, results)
    too_far = (f"{w.where}: got {w.got}, wanted {w.wanted}" for w in judged if not w.share <= 1)
    if wrong := wrong or next(too_far, ""):
        name = f"{raw.operation}/{raw.technique} {dtype}"
        raise NoNumber(WRONG, f"{name} on the first batch: {wrong}")
    return max((worst.share for worst in judged), default=0.0)


# ------------------------------------------------------------------------------------------------ descent


def _descend(
    settings: Settings, variants: Sequence[Variant], images: Array, labels: Array, on_step: OnStep
) -> float:
    """Take all steps; the seconds from the first to the last, accuracies included."""
    total, (train_on, test) = settings.total, split()
    an_epoch = len(train_on) // settings.batch
    began = perf_counter()
    for step, batch in enumerate(batches(settings), 1):
        turn = step % len(variants)
        for variant in (*variants[turn:], *variants[:turn]):
            if variant.diverged:
                continue
            if len(variants) > 1 and not (variant.whole_s and variant.whole_s[-1] > LONG_S):
                variant.network.step(images[batch], labels[batch])  # untimed: fills the caches with its data
            _step(variant, settings, images, labels, batch, step)
        if not settings.compare and (step % an_epoch == 0 or step == total):
            for variant in variants:
                if not variant.diverged:
                    right = variant.network.scores(images[test]).argmax(axis=1) == labels[test]
                    variant.accuracy.append({"step": step, "test": float(right.mean())})
        first = variants[0]
        reached = f", test accuracy {first.accuracy[-1]['test']:.1%}" if first.accuracy else ""
        on_step(step, total, f"loss {first.losses[-1]:.4f}{reached}")
        if step == total or all(variant.diverged for variant in variants):
            break
    return perf_counter() - began


def _step(
    variant: Variant, settings: Settings, images: Array, labels: Array, batch: Array, step: int
) -> None:
    """One step: a batch, the loss, the gradients, W ← W − α·dW; and the seconds of each."""
    began = perf_counter()
    loss, calls = variant.network.step(images[batch], labels[batch])
    variant.losses.append(loss)
    if not math.isfinite(loss):
        variant.diverged = (
            f"{variant.name}: the loss is {loss} at step {step}: diverged at a learning rate of"
            f" {settings.rate:g}; stopped, the curve so far is kept"
        )
        return
    variant.network.descend(calls, settings.rate)
    variant.whole_s.append(perf_counter() - began)
    for layer, call in zip(variant.network.every, calls, strict=True):
        variant.seconds[layer.name]["forward"].append(call.forward_s)
        variant.seconds[layer.name]["backward"].append(call.backward_s)


def _saved(
    settings: Settings, layers: Sequence[Spec], variants: Sequence[Variant], began: float, wall_s: float
) -> dict[str, Any]:
    curves = differences([variant.name for variant in variants], [variant.losses for variant in variants])
    findings = [variant.diverged for variant in variants if variant.diverged]
    if settings.dtype == "float64":
        findings += [difference_line(comparison) for comparison in curves if not comparison["ok"]]
    train_on, test = split()
    return {
        "schema": SCHEMA,
        "settings": asdict(settings) | {"compare": list(settings.compare), "total_steps": settings.total},
        "environment": machine.environment(),
        "threads": machine.pools(),
        "started": began,
        "wall_s": wall_s,
        "split": {"seed": SPLIT_SEED, "train": len(train_on), "test": len(test)},
        "layers": [
            {"name": s.name, "kind": s.kind, "operation": s.operation, "sizes": dict(s.sizes),
             "shape": list(s.shape), "weights": [list(w) for w in s.weights]}
            for s in layers
        ],
        "sets": [to_json(variant) for variant in variants],
        "agreement": {"allowed": AGREEMENT, "curves": curves},
        "findings": findings,
    }  # fmt: skip
