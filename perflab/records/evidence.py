"""The evidence on a technique's speed: instructions, memory, interpreter steps, lines of code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, ClassVar

from perflab.contract import Contender
from perflab.records.typed import Name, Rule, Seconds, Share, Whole, Wrong, between, one_of

BITS = Rule(
    "a number of bits or scalable", lambda text: text == "scalable" or (text.isdecimal() and len(text) < 6)
)
Step = Annotated[str, one_of("forward", "backward")]


@dataclass(frozen=True)
class Counts:
    """Counts of arithmetic instructions, packed and fused ones; `widths` counts packed ones by bits.

    `numbers` counts the numbers that all of them process; a fused multiply-add counts as one.
    """

    arithmetic: Whole = 0
    packed: Whole = 0
    fused: Whole = 0
    gathers: Whole = 0
    numbers: Whole = 0
    widths: Mapping[Annotated[str, BITS], Whole] = field(default_factory=dict)

    @property
    def widest(self) -> int:
        """The bits of the widest packed instruction, 0 if there is none of a fixed width."""
        return max((int(bits) for bits in self.widths if bits.isdecimal()), default=0)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.arithmetic + other.arithmetic, self.packed + other.packed, self.fused + other.fused,
            self.gathers + other.gathers, self.numbers + other.numbers,
            dict(Counter(self.widths) + Counter(other.widths)),
        )  # fmt: skip


@dataclass(frozen=True)
class Code:
    """The instructions of a kernel's assembly: all, its innermost loops, and its hot loop.

    `calls` names the functions that its loops call, "?" for an address in a register. `weight` estimates the
    arithmetic of the hot loop, with four turns per level of nesting, as the assembly does not show how often
    a loop runs.
    """

    whole: Counts = Counts()
    innermost: Counts = Counts()
    hot: Counts = Counts()
    loops: Whole = 0
    calls: tuple[str, ...] = ()
    weight: Share = 0.0

    def __add__(self, other: Code) -> Code:
        hotter = max(self, other, key=lambda code: code.weight)
        return Code(
            self.whole + other.whole, self.innermost + other.innermost, hotter.hot, self.loops + other.loops,
            tuple(sorted({*self.calls, *other.calls})), hotter.weight,
        )  # fmt: skip


@dataclass(frozen=True)
class Way:
    """One direction of one implementation on one case. Memory is beyond the inputs.

    kind          "compiled" by Numba; "interpreted" if every further operation costs Python's interpreter a
                  step or more; else "numpy"
    flops, bytes  the operation's cost here, the same for every implementation
    steps         bytecodes that the interpreter executes in one call, counted up to two million; for an
                  interpreted one, extrapolated from batches of one and two samples
    few           the same on the operation's first case, of `few_flops` operations
    whole         whether every step was traced; else the following three are lower bounds
    allocations   steps that allocated more than 1 KiB; None, like the rest, if it could not be traced
    allocated     the bytes of these allocations
    temporaries   the bytes of them that are in neither outputs nor cache in the end
    workspace     bytes of arrays that it keeps from call to call
    peak          peak bytes beyond the outputs, its workspace included
    memory        how memory was measured, or why it was not
    code          the instructions of its assembly; if None, `no_code` says why
    """

    kind: Annotated[str, one_of("compiled", "interpreted", "numpy")]
    flops: Whole
    bytes: Whole
    steps: Whole
    few: Whole
    few_flops: Whole
    whole: bool
    allocations: Whole | None
    allocated: Whole | None
    temporaries: Whole | None
    workspace: Whole
    peak: Whole | None
    memory: str
    code: Code | None
    no_code: str

    def check(self) -> None:
        """Raise Wrong if memory was traced in part."""
        for name in ("allocations", "allocated"):
            if getattr(self, name) is None and self.temporaries is not None:
                raise Wrong("a whole number, as there are temporaries", None, f".{name}")


@dataclass(frozen=True)
class Line:
    """One statement of a file.

    `file` is empty for the technique's own file; `share` is of the time in all lines; `times` is how often it
    ran in one call; `product` tells whether it is a matrix product.
    """

    file: str
    number: Whole
    text: str
    share: Share
    times: Whole
    product: bool

    @property
    def place(self) -> str:
        """Where it is: "file:number", or "line number" of the technique's own file."""
        return f"{self.file}:{self.number}" if self.file else f"line {self.number}"


@dataclass(frozen=True)
class Profile:
    """One direction on one case: the hottest lines.

    seconds    per call without the tracer, the best of some, in the profiling process
    products   the share of the time in lines with a matrix product
    outside    the share of a traced call outside the user's own lines
    tracer     the time subtracted for the tracer, as a share of the traced time
    """

    case: Name
    seconds: Seconds
    lines: tuple[Line, ...]
    products: Share
    outside: float
    tracer: Share


@dataclass(frozen=True)
class Evidence:
    """The evidence on one technique's speed in one dtype, called on `case`.

    `lines` counts the lines of code of its file, `imported` those of the files beside it that it needs,
    without blank lines, comments and docstrings. An outside file also has a `profile` per direction, if its
    lines run in Python, and `step_s`, the seconds of a step of the interpreter: a "plain" one, and one on an
    "element" of an array. Without `ways`, `reason` says why nothing was gathered.
    """

    kind: ClassVar[str] = "evidence"
    operation: Name
    technique: Name
    dtype: Name
    case: Name
    lines: Whole = 0
    imported: Mapping[str, Whole] = field(default_factory=dict)
    ways: Mapping[Step, Way] = field(default_factory=dict)
    profile: Mapping[Step, Profile] = field(default_factory=dict)
    step_s: Mapping[Name, Annotated[float, between(0, 1, "seconds")]] = field(default_factory=dict)
    reason: str = ""

    @property
    def contender(self) -> Contender:
        """The contender, on every case and number of threads."""
        return Contender(self.operation, "", self.dtype, 0, self.technique)

    def check(self) -> None:
        """Raise Wrong if one of the two directions or of the two steps is missing."""
        for name, keys in (("ways", ("forward", "backward")), ("step_s", ("plain", "element"))):
            given = getattr(self, name)
            for key in keys:
                if given and key not in given:
                    raise Wrong("both " + " and ".join(keys), path=f".{name}.{key}")

    def plain(self) -> dict[str, Any]:
        """Plain JSON: the fields of a record of kind "evidence"."""
        return {name: value for name, value in asdict(self).items() if name != "reason" or value}
