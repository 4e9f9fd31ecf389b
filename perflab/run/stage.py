"""One case's inputs in one dtype, as they are timed, and the contenders that take turns on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import starmap
from typing import TYPE_CHECKING, Any

import numpy as np

from perflab import oracle
from perflab.catalog import inputs
from perflab.catalog.cases import costs
from perflab.contract import Array, Case, Cost, Implementation, Operation
from perflab.machine.arena import Arena, Place, layout
from perflab.records.kinds import Judgement
from perflab.run.referee.rounds import Set

if TYPE_CHECKING:
    from perflab.run.contender import Contender

# Short calls take turns on several sets of inputs, as many as leave the caches as warm as one would.
HOT_BYTES, FEWEST_SETS, MOST_SETS = 128 << 10, 2, 16


@dataclass
class Stage:
    """One case in one dtype: its inputs, their reference, and its contenders.

    In an arena there are several sets of inputs, of one form. The first of them is the one that is verified.
    """

    operation: Operation
    case: Case
    dtype: str
    contenders: dict[str, Contender] = field(default_factory=dict)
    arena: Arena | None = None

    @property
    def group(self) -> tuple[str, str, str]:
        """Operation, case and dtype."""
        return self.operation.name, self.case.name, self.dtype

    @property
    def args(self) -> tuple[Any, ...]:
        """The inputs, in the order of the operation's arguments."""
        return self.sets[0][0]

    @property
    def dout(self) -> Any:
        """The upstream gradient: random, never ones."""
        return self.sets[0][1]

    @cached_property
    def sets(self) -> list[Set]:
        """Arguments and upstream gradient, several times; the first as drawn from the case's seed."""
        made = self._made
        if self.arena is None:
            *args, dout = (value.copy() if _is_array(value) else value for value in made)
            return [(tuple(args), dout)]
        arrays = iter(self.arena.arrays([place for form in self.forms for place in _places(form)]))
        sets: list[Set] = []
        for _ in self.forms:
            values = [next(arrays) if isinstance(value, np.ndarray) else value for value in made]
            sets.append((tuple(values[:-1]), values[-1]))
        for array, drawn in zip(_arrays(sets[0]), filter(_is_array, made), strict=True):
            np.copyto(array, drawn)
        return sets

    @cached_property
    def forms(self) -> list[list[Any]]:
        """For every set and value: the array's place in the arena, or the value that is no array."""
        made = self._made
        count = min(max(HOT_BYTES // max(self.costs["step"].bytes, 1), FEWEST_SETS), MOST_SETS)
        forms = [(value.dtype.name, value.shape) for value in made if _is_array(value)]
        places = iter(layout(forms * count))
        return [[next(places) if _is_array(value) else value for value in made] for _ in range(count)]

    @cached_property
    def _made(self) -> list[Any]:
        """The first set as it was drawn; its arrays are never given to a contender."""
        return self.drawn(self.case)

    def drawn(self, case: Case) -> list[Any]:
        """The arguments and the upstream gradient as a case's seed gives them."""
        made = inputs.make(self.operation, case, self.dtype).values()
        return [*made, inputs.upstream(self.operation, case, self.dtype)]

    @property
    def pristine(self) -> list[Array]:
        """Every array as it was drawn, to restore the stage after a contender wrote to one."""
        return [value for value in self._made if _is_array(value)]

    def fill(self, contents: Sequence[Array], which: int = 0) -> None:
        """Give every array of a set other contents, in place."""
        for array, other in zip(self.arrays(which), contents, strict=True):
            np.copyto(array, other)

    def arrays(self, which: int = 0) -> list[Array]:
        """The arrays among the inputs and the upstream gradient of a set."""
        return _arrays(self.sets[which])

    @cached_property
    def fingerprint(self) -> str:
        """The hash of all inputs as they were drawn."""
        return oracle.fingerprint(self._made)

    @cached_property
    def costs(self) -> Mapping[str, Cost]:
        """The operation's costs here, per direction."""
        return costs(self.operation, self.case, self.dtype)

    @cached_property
    def reference(self) -> oracle.Reference:
        """The reference, itself compared with the definition along a random direction."""
        flops = self.costs["forward"].flops
        reference = oracle.reference(self.operation, self.args, self.dout, self.dtype, flops)
        if oracle.differentiable(self.operation, self.case):
            share, _ = oracle.along_a_direction(self.operation, self.args, self.dout, reference)
            if not share <= 1:
                raise AssertionError(f"{self.operation.name}: its gradient is not its definition's: {share}")
        return reference

    def admit(self, implementation: Implementation, known: Judgement | Contender | None = None) -> Contender:
        """Verify an implementation on these inputs. Raises Rejected if it is not shown to be right.

        `known` is an earlier verification here: the same bits from the same inputs are right again, without
        a new reference.
        """
        from perflab.run.contender import Contender

        return self.enter(Contender(self, implementation), known)

    def enter(self, contender: Contender, known: Judgement | Contender | None = None) -> Contender:
        """Verify a contender, as `admit` does."""
        contender.verify(known)
        self.contenders[contender.implementation.technique] = contender
        return contender

    def untouched(self) -> bool:
        """Whether the inputs are still bit for bit the verified ones."""
        return all(starmap(same_bits, zip(self.arrays(), self.pristine, strict=True)))


def same_bits(one: Array, other: Array) -> bool:
    """Whether two arrays of one dtype have the same shape and the same bits, NaN and zeros too."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
    return np.array_equal(one.reshape(-1).view(np.uint8), other.reshape(-1).view(np.uint8))


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _arrays(made: Set) -> list[Array]:
    return [value for value in (*made[0], made[1]) if _is_array(value)]


def _places(form: Sequence[Any]) -> list[Place]:
    """The places among the values of a set."""
    return [value for value in form if isinstance(value, tuple) and len(value) == 3]
