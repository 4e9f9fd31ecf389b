"""What explains a technique's speed: the evidence on it, as it is gathered, saved and shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, ClassVar

from perflab.contract import Contender
from perflab.records.typed import Name, Rule, Seconds, Share, Whole, Wrong, between, one_of

BITS = Rule("a number of bits", lambda text: text.isdecimal() and len(text) < 6)
Step = Annotated[str, one_of("forward", "backward")]


@dataclass(frozen=True)
class Counts:
    """Arithmetic instructions, and how many of them are packed or fused; `widths` counts packed ones by bits.

    `numbers` is on how many numbers all of them work; a fused multiply-add counts as one there.
    """

    arithmetic: Whole = 0
    packed: Whole = 0
    fused: Whole = 0
    gathers: Whole = 0
    numbers: Whole = 0
    widths: Mapping[Annotated[str, BITS], Whole] = field(default_factory=dict)

    @property
    def widest(self) -> int:
        """The bits of the widest packed instruction, 0 where there is none of a fixed width."""
        return max((int(bits) for bits in self.widths if bits.isdecimal()), default=0)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.arithmetic + other.arithmetic,
            self.packed + other.packed,
            self.fused + other.fused,
            self.gathers + other.gathers,
            self.numbers + other.numbers,
            dict(Counter(self.widths) + Counter(other.widths)),
        )


@dataclass(frozen=True)
class Code:
    """What a kernel's assembly holds: all of it, its innermost loops, and the loop that does most.

    `calls` names the functions that its loops call, "?" where a register alone holds the address.
    `weight` is how much arithmetic the hot loop does, each level of nesting counted as four turns:
    an estimate, since which loops run, and how often, the assembly does not say.
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
            self.whole + other.whole,
            self.innermost + other.innermost,
            hotter.hot,
            self.loops + other.loops,
            tuple(sorted({*self.calls, *other.calls})),
            hotter.weight,
        )


@dataclass(frozen=True)
class Way:
    """One direction of one implementation on one case. Memory is beyond the inputs.

    kind          "compiled" where Numba compiled it; "interpreted" where every further operation costs
                  Python's interpreter a step or more; "numpy" otherwise
    flops, bytes  what the operation costs here, whoever implements it
    steps         bytecodes that the interpreter executes in one call, counted up to two million; where it
                  interprets every operation, what batches of one and two samples foretell
    few           the same on the operation's first case, of `few_flops` operations
    whole         whether every step was looked at; else the following three are what there is at least
    allocations   how many steps asked for more than 1 KiB of memory; None, as the rest, where it could not
                  be traced
    allocated     the bytes that they asked for
    temporaries   bytes of them that neither outputs nor cache hold in the end
    workspace     bytes of arrays that it keeps from call to call
    peak          the most bytes that were held at once beyond the outputs, its workspace included
    memory        how memory was measured, or why it was not
    code          what its assembly holds; None where there is none, and `no_code` says why
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
        """Raise Wrong where memory was traced in part."""
        traced = {"allocations": self.allocations, "allocated": self.allocated}
        for name, value in traced.items():
            if value is None and self.temporaries is not None:
                raise Wrong("a whole number, as there are temporaries", None, f".{name}")


@dataclass(frozen=True)
class Line:
    """One statement, as it stands in the file.

    `file` is empty for the technique's own, else the name of one beside it; `share` is of the time in all
    lines; `times` is how often it ran in one call; `product` says whether its text holds a matrix product.
    """

    file: str
    number: Whole
    text: str
    share: Share
    times: Whole
    product: bool


@dataclass(frozen=True)
class Profile:
    """One direction on one case: the hottest lines.

    seconds    a call without the tracer, the best of some, in the process that took the profile
    lines      the hottest statements
    products   the share of the time in lines that hold a matrix product
    outside    the share of a traced call that no line of the user's own accounts for
    tracer     what was subtracted for the tracer, as a share of the time that it saw
    """

    case: Name
    seconds: Seconds
    lines: tuple[Line, ...]
    products: Share
    outside: float
    tracer: Share


@dataclass(frozen=True)
class Evidence:
    """What explains one technique's speed in one dtype. `case` is what it was called on.

    `lines` counts the lines of code of its file, and `imported` of the files beside it that it needs:
    no blank lines, comments or docstrings. `compile_s` and `load_s` are seconds, where they are known. Of an
    outside file there is also a `profile`, direction by direction, where lines of its own run in Python; and
    `step_s`, the seconds that a step of the interpreter takes there: a "plain" one, and one on an "element"
    of an array. Without `ways`, `reason` says why nothing was gathered.
    """

    kind: ClassVar[str] = "evidence"
    operation: Name
    technique: Name
    dtype: Name
    case: Name
    lines: Whole = 0
    imported: Mapping[str, Whole] = field(default_factory=dict)
    ways: Mapping[Step, Way] = field(default_factory=dict)
    compile_s: Seconds | None = None
    load_s: Seconds | None = None
    profile: Mapping[Step, Profile] = field(default_factory=dict)
    step_s: Mapping[Name, Annotated[float, between(0, 1, "seconds")]] = field(default_factory=dict)
    reason: str = ""

    @property
    def contender(self) -> Contender:
        """Whom it explains, on every case and number of threads."""
        return Contender(self.operation, "", self.dtype, 0, self.technique)

    def check(self) -> None:
        """Raise Wrong where one of the two directions or of the two steps is missing."""
        for name, wanted in (("ways", ("forward", "backward")), ("step_s", ("plain", "element"))):
            given = getattr(self, name)
            for key in wanted:
                if given and key not in given:
                    raise Wrong("both " + " and ".join(wanted), path=f".{name}.{key}")

    def plain(self) -> dict[str, Any]:
        """Plain JSON: the fields of a record of kind "evidence"."""
        return {name: value for name, value in asdict(self).items() if name != "reason" or value}
