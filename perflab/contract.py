"""The nouns of perflab: frozen dataclasses, no logic.

All other modules use these: an `Operation` is described once, an `Implementation` is one technique's
pair of functions, a `Case` is a named problem, a `Cell` is what one figure belongs to, a `Verdict` is
the oracle's result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]
else:
    Array = Any  # NumPy is not imported for a type: `perflab --help` must be fast

Direction = Literal["forward", "backward", "step"]

DIRECTIONS: tuple[Direction, ...] = ("forward", "backward", "step")
DTYPES = ("float32", "float64")
FIRST_RUNGS = ("naive", "per_neuron", "vectorized", "jit")  # what every operation has; further rungs differ
AUTO = "auto"  # the rung that chooses among the others by the sizes, where an operation has one


class PerflabError(Exception):
    """An error of the user or of the input, in one line; the command line exits with 2."""


class Lacking(PerflabError):
    """An implementation cannot run here: something is missing, which the message names."""


class WrongForm(TypeError):
    """An implementation returned something else than out and cache, or than a tuple of gradients."""


class NotApplicable(Exception):
    """A case that an implementation's interface cannot express: two strides where it takes one number."""


class NoSpaceLeft(PerflabError):
    """Records could not be written; all earlier records are complete."""


@dataclass(frozen=True)
class Argument:
    """One argument of an operation's `forward`.

    `kind` is "array" (floats), "labels" (integers in [0, sizes[upper])), "scalar" (a real number) or
    "pair" (an int or two ints, at least `minimum`). `shape` names the axes of an array, e.g. "NCHW". An
    array that is a `target` has the desired outputs, from 0 to 1, one sample a row.
    """

    name: str
    kind: Literal["array", "labels", "scalar", "pair"]
    shape: tuple[str, ...] = ()
    upper: str = ""
    minimum: int = 0
    default: Any = None
    required: bool = True
    scale: float = 1.0
    target: bool = False
    meaning: str = ""


@dataclass(frozen=True)
class Case:
    """A named problem: the sizes of its axes, the parameters, and how the inputs are drawn.

    `inputs` is one of the kinds that `perflab.catalog.inputs` draws: "normal", "integers", "ties", "nan",
    "extreme", "digits".
    """

    name: str
    sizes: Mapping[str, int]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: str = "normal"
    seed: int = 0


@dataclass(frozen=True)
class Cost:
    """What an operation must do in one direction, in any implementation.

    `flops` counts additions, multiplications, comparisons and exponentials; `bytes` counts every input
    read once and every output written once.
    """

    flops: int
    bytes: int


@dataclass(frozen=True)
class Operation:
    """A mathematical function, with its gradient where it has one, described once.

    definition(*args) -> out
        The textbook formula, forward only, in the precision of its arguments.
    gradient(dout, *args) -> tuple
        Its derivative along `wrt`, in the same precision; compared with central differences of `definition`.
        An operation that is forward only has an empty `wrt` and none.
    bound(gamma, dout, *args) -> (out_bound, grad_bounds)
        First-order bounds of the rounding error of any order of summation, element by element, from γ_k =
        gamma(k). Without one it is estimated from the definition.
    derive(sizes, parameters) -> sizes
        The sizes of the output's axes; raises ValueError where the parameters do not fit.
    cost(sizes, parameters, itemsize) -> {"forward": Cost, "backward": Cost, "step": Cost}
        Forward only: {"forward": Cost}.
    contest
        Further cases, on which the ladder's top is compared with the peers.
    subgradient(eps, got, dout, *args) -> bool
        For an operation with kinks: whether `got` is the gradient by its first argument by another rule than
        perflab's own, within a few roundings of size `eps`. Without it the gradient is the only one.
    library
        The functions of a library on whose accuracy `bound` relies: "tanh".
    formulas
        One line of plain text each for "out" and for the gradient of every name in `wrt` ("dx"): the
        derivation's result, index by index, for authors of new techniques.
    since
        The technique on which each one of the ladder stands, "" for the first: the one that it improves, and
        over which its gain is told. Without it each stands on the one before. A technique comes after the one
        that it stands on.
    study_case, small_case
        The cases on which the ladder's story is told. On `study_case` the highest rungs show what they are
        for; `small_case` is one that `naive` computes in about 0.1 s, forward and backward. Without them:
        the last and the first of `cases`.
    """

    name: str
    title: str
    summary: str
    arguments: Mapping[str, Argument]
    out_shape: tuple[str, ...]
    wrt: tuple[str, ...]
    definition: Callable[..., Any]
    derive: Callable[[Mapping[str, int], Mapping[str, Any]], dict[str, int]]
    cost: Callable[[Mapping[str, int], Mapping[str, Any], int], dict[str, Cost]]
    cases: Mapping[str, Case]
    checks: Mapping[str, Case]
    ladder: tuple[str, ...]
    exact_on_integers: bool = False
    gradient: Callable[..., tuple[Array, ...]] | None = None
    bound: Callable[..., tuple[Any, tuple[Array, ...]]] | None = None
    kinks: bool = False
    multiplies: bool = True
    contest: Mapping[str, Case] = field(default_factory=dict)
    subgradient: Callable[..., bool] | None = None
    library: str = ""
    formulas: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, str] = field(default_factory=dict)
    study_case: str = ""
    small_case: str = ""

    @property
    def forward_only(self) -> bool:
        """Whether it has no gradient, and its implementations no `backward`."""
        return not self.wrt

    @property
    def directions(self) -> tuple[str, ...]:
        """The directions in which it is timed."""
        return DIRECTIONS[:1] if self.forward_only else DIRECTIONS

    def case(self, name: str) -> Case:
        """A case by its name, of the everyday ones or of the contest."""
        return self.cases[name] if name in self.cases else self.contest[name]


def no_gradients(dout: Any, cache: Any) -> tuple[()]:
    """The `backward` of what is forward only: no gradients."""
    return ()


@dataclass(frozen=True)
class Implementation:
    """One operation in one technique: a `forward` and a `backward`.

    forward(*args) -> (out, cache);  backward(dout, cache) -> gradients in the order of `wrt`.
    `summary` is the first line of the file's docstring, `source` the file's path. A technique whose
    arithmetic differs from the definition's (Winograd's) brings the rounding `bound` of that arithmetic,
    called as the operation's, and may not be `exact_on_integers`. One that needs much memory beyond its
    inputs and outputs gives the amount: workspace_bytes(sizes, itemsize), with the derived sizes. One that
    chooses among others tells what it expects: predicted(sizes, parameters, itemsize, threads), the seconds
    of "forward" and "backward" by the name of each, and the two names that it calls for these directions.

    Of an outside file: `unwritten` names those of "forward" and "backward" that are missing or still a TODO;
    `notes` are remarks on how the file was read; `gives` names the gradients that it computes where these
    are not all of `wrt`: it is checked, and not raced. One from `outside` is judged by its mathematics: what
    is perflab's own convention alone becomes a remark. `tries()` calls it once more and gives a remark or "".
    """

    operation: str
    technique: str
    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[[Any, Any], tuple[Array, ...]]
    source: str = ""
    summary: str = ""
    native: Native | None = None
    bound: Callable[..., tuple[Any, tuple[Array, ...]]] | None = None
    exact_on_integers: bool = True
    workspace_bytes: Callable[[Mapping[str, int], int], int] | None = None
    predicted: Callable[..., tuple[Mapping[str, Mapping[str, float]], tuple[str, str]]] | None = None
    unwritten: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    gives: tuple[str, ...] | None = None
    outside: bool = False
    tries: Callable[[], str] | None = None


@dataclass(frozen=True)
class Native:
    """How a peer is timed: on its own tensors, made before the clock starts and read after it stops.

    `to_native` and `to_numpy` take one value each; `forward` and `backward` are as an implementation's,
    from tensors to tensors. `compilations` tells how often this process has compiled, where a peer does.
    """

    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[[Any, Any], tuple[Any, ...]]
    to_native: Callable[[Any], Any]
    to_numpy: Callable[[Any], Any]
    compilations: Callable[[], int] | None = None


@dataclass(frozen=True)
class Mutant:
    """A known mistake, to test that the oracle finds it.

    `lesson` says in one line what is wrong; `breaks` is the line of the derivation that it breaks, LaTeX as
    in the operation's derivation.md, empty where a mistake of state or dtype breaks none.
    """

    name: str
    lesson: str
    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[[Any, Any], tuple[Array, ...]] = no_gradients
    breaks: str = ""


@dataclass(frozen=True, order=True)
class Contender:
    """What a record belongs to: a technique of an operation, a case, a dtype, a number of threads."""

    operation: str
    case: str
    dtype: str
    threads: int
    technique: str

    @property
    def name(self) -> str:
        """OP/TECHNIQUE."""
        return f"{self.operation}/{self.technique}"

    def across(self, *fields: str) -> Contender:
        """The same with these fields empty or 0: a key for what does not depend on them.

        >>> Contender("rnn", "tiny", "float32", 2, "jit").across("case", "threads")
        Contender(operation='rnn', case='', dtype='float32', threads=0, technique='jit')
        """
        blank: dict[str, Any] = {name: 0 if name == "threads" else "" for name in fields}
        return replace(self, **blank)

    def cell(self, direction: str) -> Cell:
        """Its cell in one direction."""
        return Cell(self.operation, self.case, self.dtype, self.threads, direction, self.technique)


@dataclass(frozen=True, order=True)
class Cell:
    """What one figure belongs to: a contender in one direction."""

    operation: str
    case: str
    dtype: str
    threads: int
    direction: str
    technique: str

    @property
    def contender(self) -> Contender:
        """The contender, without the direction."""
        return Contender(self.operation, self.case, self.dtype, self.threads, self.technique)


@dataclass(frozen=True)
class Check:
    """One check of the oracle.

    `error` is the largest |got − wanted| as a share of what was allowed; `where` names case, tensor and
    index; `got` and `wanted` are the two values there.
    """

    name: str
    ok: bool
    case: str
    dtype: str
    error: float = 0.0
    where: str = ""
    got: str = ""
    wanted: str = ""


RIGHT, UNWRITTEN, CANNOT_RUN, NOT_SHOWN, WRONG = GRAVITY = (
    "right", "unwritten", "cannot run here", "not shown", "wrong"
)  # fmt: skip


def status_in(reason: str) -> tuple[str, str]:
    """The word that a reason begins with, "not shown" where it begins with none, and the rest.

    >>> status_in("wrong: dw[0, 1]: got 1, wanted 2"), status_in("it reads the clock")
    (('wrong', 'dw[0, 1]: got 1, wanted 2'), ('not shown', 'it reads the clock'))
    """
    status, colon, rest = reason.partition(": ")
    return (status, rest) if colon and status in GRAVITY else (NOT_SHOWN, reason)


@dataclass(frozen=True)
class Verdict:
    """The oracle's result for an implementation. Truthy when right.

    `status` is "right", "wrong" (numbers), "not shown" (it ran, and not as it claims, or there was too little
    evidence), "cannot run here" (`where` names what is missing, or what it raised), or "unwritten" (its
    written parts are right, the rest is still a TODO). `left_out` gives, with the reason, the cases that its
    interface cannot express; `remarks` are what else there is to say of it: of a right file from outside,
    where it is right by mathematics and not by perflab's own convention.
    `error` is the worst error as a share of its rounding bound; `where` the worst tensor and index, or,
    where something is wrong, what and where.
    """

    operation: str
    technique: str
    dtype: str
    status: str
    error: float
    where: str
    checks: tuple[Check, ...] = ()
    deterministic: bool = True
    exact: bool | None = None
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when every check passed."""
        return self.status == RIGHT

    @property
    def gravity(self) -> int:
        """How grave it is: 0 when right, the most when wrong."""
        return GRAVITY.index(self.status)

    def __bool__(self) -> bool:
        return self.ok
