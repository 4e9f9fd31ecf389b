"""A function of perflab's in a process of its own: what it calls from outside can spoil nothing here.

    apart.call("perflab.evidence:of_outside", {...}, limit_s=60.0)     # what it returned, as plain JSON

What the process prints is dropped. One that dies, that ends itself, or that gives no answer in time gives a
PerflabError with the reason.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from perflab import machine
from perflab.contract import PerflabError


def call(function: str, arguments: Mapping[str, Any], limit_s: float, threads: int = 1) -> Any:
    """What `MODULE:FUNCTION` returns for these keyword arguments; both are plain JSON.

    Raises PerflabError, in one line, where the function raised, or its process ended before it returned.
    """
    order = json.dumps({"function": function, "arguments": dict(arguments), "limit_s": limit_s})
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", "from perflab.apart import _answer; _answer()"],
            env=machine.for_child(threads), input=order.encode(), stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=limit_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise PerflabError(f"it gave no answer for {limit_s:.0f} s") from None
    except OSError as error:
        raise PerflabError(f"no process of its own could be started: {error.strerror}") from error
    if done.returncode < 0:
        raise PerflabError(f"its process died: {signal.Signals(-done.returncode).name}")
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise PerflabError(f"it ended its process, with status {done.returncode}") from None
    if "reason" in answer:
        raise PerflabError(answer["reason"])
    return answer["returned"]


def _answer() -> None:
    """In the process of its own: read the order, write the answer where no `print` can reach it."""
    order = json.loads(sys.stdin.buffer.read())
    if hasattr(signal, "setitimer"):  # should whoever waits be killed: the default action ends this process
        signal.setitimer(signal.ITIMER_REAL, order["limit_s"] + 5)
    answers, nowhere = os.dup(1), os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    module, _, name = order["function"].partition(":")
    try:
        answer = {"returned": getattr(importlib.import_module(module), name)(**order["arguments"])}
        told = json.dumps(answer, allow_nan=False)
    except (Exception, SystemExit) as error:
        why = str(error).strip().split("\n")[0] or "no message"
        told = json.dumps({"reason": f"{type(error).__name__}: {why}"})
    with os.fdopen(answers, "w", encoding="utf-8") as file:
        file.write(told)
    os._exit(0)  # threads and handlers that code from outside left behind have no say
