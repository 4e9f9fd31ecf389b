"""The process in which a file from outside is raced: it makes the calls that it is asked for.

It knows the file, the arrays that it computes on, and a pipe each way. It holds no seed, no reference and no
record, and its descriptors lead to none. What it answers is read without trust.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from perflab import catalog, machine
from perflab.contract import CANNOT_RUN, DTYPES, WRONG, Array, NotApplicable, PerflabError, WrongForm
from perflab.errors import reason
from perflab.machine import lacking, portable, process
from perflab.machine.arena import Arena, Place
from perflab.oracle.sandbox import guard
from perflab.oracle.sandbox.flood import LARGEST_FILE
from perflab.run.compilation import Compilations, compilations, compiles
from perflab.run.referee import borrowed
from perflab.run.referee.contents import Spot
from perflab.run.referee.rounds import (
    Call,
    Change,
    Set,
    calls_on,
    changes_of,
    play,
    play_changing,
    tensors_of,
)

TOKEN = 8  # bytes at the beginning of a request, and of its answer
UNASKED = bytes(TOKEN)
NUMBERS = (np.float32, np.float64)
Answer = tuple[dict[str, Any], Sequence[Array]]
DONE: Answer = ({}, ())


def serve(path: str) -> None:
    """Answer requests until the other side closes the pipe; `path` is that of the arena of the inputs."""
    requests, answers = process.private_streams()
    del os.environ[process.PARENT], sys.argv[1:]
    other = process.Messages(os.fdopen(requests, "rb"), os.fdopen(answers, "wb"))
    contestant = _Contestant(Arena(path))
    try:
        while True:
            asked = other.receive()
            token = asked[:TOKEN]
            kind, *request = pickle.loads(asked[TOKEN:])
            fields, arrays = _answer(contestant, kind, request)
            if not fields and not arrays:
                other.send(token)
                continue
            forms = [(form_of(array), np.shape(array)) for array in arrays]
            answer = token + json.dumps({**fields, "arrays": forms}).encode()
            other.send(answer, *(np.asarray(array).tobytes() for array in arrays))
    except EOFError:
        return
    except BaseException as error:  # of the file, in this loop: by a signal's handler
        other.send(UNASKED + json.dumps({"raised": f"it raised {reason(error)}", "arrays": []}).encode())


def _answer(contestant: _Contestant, kind: str, request: Sequence[Any]) -> Answer:
    """What a request gives. Whatever the file raises is an answer too."""
    try:
        return getattr(contestant, kind)(*request)  # type: ignore[no-any-return]
    except NotApplicable as why:
        return {"not_applicable": str(why) or "its interface cannot say this case"}, ()
    except WrongForm as error:
        return {"raised": str(error), "status": WRONG}, ()
    except PerflabError as error:
        return {"raised": str(error), "status": CANNOT_RUN}, ()
    except Exception as error:
        return {"raised": f"it raised {lacking.told(error)}", "status": CANNOT_RUN}, ()
    except BaseException as error:  # what is meant to end the process: pytest's, an interrupt
        return {"raised": f"it raised {reason(error)}"}, ()


class _Contestant:
    """A loaded file, its calls on the arrays of a stage, and the results of the last ones."""

    def __init__(self, arena: Arena) -> None:
        catalog.prepare_numba_cache()
        self.arena = arena
        self.held: list[Any] = []
        self.caches: list[Any] = []
        self.retained: Any = None
        self.compilations: Any = None
        self.counted = Compilations()

    def load(self, file: str, operation: str, technique: str, most_bytes: float) -> Answer:
        """Load an implementation of a file; what is known of it."""
        machine.limit_memory(most_bytes)
        portable.limit_files(LARGEST_FILE)
        self.pair = catalog.load_raw(file, operation, technique)
        return {"kernels": compiles(self.pair), "summary": self.pair.summary}, ()

    def own(self, operation: str, technique: str, file: str | None) -> Answer:
        """Make the calls of one of perflab's own techniques, or of another commit's, from now on."""
        self.pair = catalog.column(operation, technique, file)
        self.caches, self.held, self.retained = [], [], None
        return DONE

    def stage(self, forms: Sequence[Sequence[Any]]) -> Answer:
        """Take the arguments of every set: places in the arena, and values that are no arrays."""
        self.caches, self.held, self.retained = [], [], None
        self.sets: list[Set] = []
        every: list[list[Place]] = []
        for form in forms:
            is_place = [type(value) is tuple and len(value) == 3 for value in form]
            places = [value for value, placed in zip(form, is_place, strict=True) if placed]
            every.append(places)
            arrays = iter(self.arena.arrays(places))
            *args, dout = (next(arrays) if placed else v for v, placed in zip(form, is_place, strict=True))
            self.sets.append((tuple(args), dout))
        self.rows = [self.arena.stacked(places) for places in zip(*every, strict=True)]
        return DONE

    def prepare(self, count: int) -> Answer:
        """The caches that `backward` gets: of a forward on each of the first sets."""
        self.held, self.caches = [], []
        self.caches = [self.pair.forward(*args)[1] for args, _ in self.sets[:count]]
        return DONE

    def ready(
        self, direction: str, start: int, stop: int, spots: Sequence[Spot] = (), turns: int = 0
    ) -> Answer:
        """Make the calls on some of the sets, to be played next, and what changes between so many turns."""
        self.held = []
        columns = [self.rows[at][start:stop, element] for at, element in spots]
        self.changes: list[Change] = changes_of(columns, turns)
        sets, caches = self.sets[start:stop], self.caches[start:stop]
        self.calls: list[Call] = calls_on(direction, self.pair.forward, self.pair.backward, sets, caches)
        gc.disable()
        return DONE

    def play(self, turns: int) -> Answer:
        """What is timed: each of the calls so many times."""
        if self.changes and turns == len(self.changes):
            self.held = play_changing(self.calls, self.changes)
        else:
            self.held = play(self.calls, turns)
        return DONE

    def once(self) -> Answer:
        """Make each call once: what verification does."""
        gc.enable()
        self.held = play(self.calls, 1)
        return DONE

    def first(self) -> Answer:
        """As `once`: how much was compiled."""
        with compilations() as compiled:
            self.once()
        return {"compiled": compiled.count, "compile_s": compiled.seconds}, ()

    def watched(self) -> Answer:
        """As `once`: what of others was called, and where the file looks at what is not its own."""
        with borrowed.called() as names:
            self.once()
        with guard.looks({self.pair.source}) as looks:
            self.once()
        names += borrowed.compiled_in((self.pair.forward, self.pair.backward))
        return {"calls": [*dict.fromkeys(names)], "looks": looks}, ()

    def kernels(self, dtype: str) -> Answer:
        """Whether no function of the pair is compiled for arrays of this dtype."""
        from perflab.run.contender import without_kernels

        return {"none": without_kernels(self.pair, dtype)}, ()

    def compiled(self) -> Answer:
        """How many functions Numba has compiled in this process since it was asked for the first time."""
        if self.compilations is None and "numba" in sys.modules:
            self.compilations = compilations()
            self.counted = self.compilations.__enter__()
        return {"count": self.counted.count}, ()

    def keep(self) -> Answer:
        """Give the caches of the last calls of forward to the next ones of backward."""
        self.caches = [result[1] for result in self.held]
        return DONE

    def results(self, direction: str, which: int) -> Answer:
        """The tensors of one of the last results, or, with -1, of the retained one."""
        result = self.retained if which < 0 else self.held[which]
        return {}, [checked(tensor) for tensor in tensors_of(direction, result)]

    def retain(self, which: int) -> Answer:
        """Keep a result, to be read again when others have been computed."""
        self.retained = self.held[which]
        return DONE

    def inputs(self, which: int) -> Answer:
        """The arrays of a set: plain arrays, read in the same way as results."""
        args, dout = self.sets[which]
        return {}, [value for value in (*args, dout) if type(value) is np.ndarray and value.dtype.kind == "f"]

    def touch(self, start: int, stop: int) -> Answer:
        """Read every number of some of the sets, so that they are in the caches."""
        for args, dout in self.sets[start:stop]:
            for value in (*args, dout):
                np.sum(value)
        return DONE

    def nothing(self) -> Answer:
        """The empty request, whose time is the cost of asking."""
        return DONE


def checked(tensor: Any) -> Any:
    """The tensor. Raises WrongForm for a subclass of an array, which may compute when it is read."""
    if type(tensor) is float:  # a compiled function returns its scalars so
        return tensor
    if type(tensor) is not np.ndarray and type(tensor) not in NUMBERS:
        raise WrongForm(f"it returned a {type(tensor).__name__}; wanted a NumPy array or number")
    if tensor.dtype.name not in DTYPES:
        raise WrongForm(f"it returned {tensor.dtype.name}; wanted the dtype of the inputs")
    return tensor


def form_of(tensor: Any) -> str:
    """The word for a result's dtype: "float" for Python's."""
    return "float" if type(tensor) is float else tensor.dtype.name
