"""What CPython reports of the code that it runs, in every version: each instruction, each line.

From 3.12 on they come from `sys.monitoring` (PEP 669): a trace function set with `sys.settrace` does not get
the instructions of a first call there. In 3.11 they come from the trace function. Only the calling thread is
observed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import get_ident
from types import CodeType, FrameType
from typing import Any, Literal, TypeVar

from perflab.contract import PerflabError

Result = TypeVar("Result")
Step = Callable[[], bool]
Event = Literal["call", "line", "return"]
OnEvent = Callable[[Event, CodeType, int], bool]

if sys.version_info >= (3, 12):
    TOOLS = (3, 4, 2, 5, 1, 0)  # those first that no debugger, profiler or coverage tool takes by convention

    def _observed(
        call: Callable[[], Result], observers: dict[int, Callable[..., object]], tool: int
    ) -> Result:
        """What a call returns; of its events, each is passed to its observer."""
        monitoring = sys.monitoring
        try:
            for event, observer in observers.items():
                monitoring.register_callback(tool, event, observer)
            monitoring.restart_events()
            monitoring.set_events(tool, sum(observers))
            return call()
        finally:
            monitoring.set_events(tool, monitoring.events.NO_EVENTS)
            for event in observers:
                monitoring.register_callback(tool, event, None)
            monitoring.free_tool_id(tool)

    def _tool() -> int:
        for tool in TOOLS:
            if sys.monitoring.get_tool(tool) is None:
                sys.monitoring.use_tool_id(tool, "perflab")
                return tool
        raise PerflabError("Python's instructions cannot be observed: other tools use all of sys.monitoring")

    def _each_instruction(call: Callable[[], Result], step: Step) -> Result:
        tool, thread, events = _tool(), get_ident(), sys.monitoring.events

        def on_instruction(code: CodeType, _: int) -> object:
            if code is _observed.__code__:  # not the call's
                return sys.monitoring.DISABLE
            if get_ident() == thread and not step():
                sys.monitoring.set_events(tool, events.NO_EVENTS)
            return None

        return _observed(call, {events.INSTRUCTION: on_instruction}, tool)

    def _each_line(call: Callable[[], Result], on_event: OnEvent) -> Result:
        tool, thread, events = _tool(), get_ident(), sys.monitoring.events

        def wanted(event: Event, code: CodeType, line: int) -> object:
            if code is _observed.__code__ or (get_ident() == thread and not on_event(event, code, line)):
                return sys.monitoring.DISABLE
            return None

        def on_call(code: CodeType, *_: object) -> object:
            return wanted("call", code, code.co_firstlineno)

        def on_line(code: CodeType, line: int) -> object:
            return wanted("line", code, line)

        def on_return(code: CodeType, *_: object) -> object:
            return wanted("return", code, code.co_firstlineno)

        def on_raise(code: CodeType, *_: object) -> None:  # cannot be disabled
            on_return(code)

        def on_throw(code: CodeType, *_: object) -> None:  # cannot be disabled
            on_call(code)

        observers = {
            events.PY_START: on_call, events.PY_RESUME: on_call, events.PY_THROW: on_throw,
            events.LINE: on_line,
            events.PY_RETURN: on_return, events.PY_YIELD: on_return, events.PY_UNWIND: on_raise,
        }  # fmt: skip
        return _observed(call, observers, tool)

else:

    def _observed(call: Callable[[], Result], trace: Callable[..., Any]) -> Result:
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            return call()
        finally:
            sys.settrace(before)

    def _each_instruction(call: Callable[[], Result], step: Step) -> Result:
        def trace(frame: FrameType, event: str, _: object) -> Any:
            if event == "call":
                frame.f_trace_opcodes, frame.f_trace_lines = True, False
            elif event == "opcode" and not step():
                sys.settrace(None)
            return trace

        return _observed(call, trace)

    def _each_line(call: Callable[[], Result], on_event: OnEvent) -> Result:
        def within(frame: FrameType, event: Any, _: object) -> Any:
            if event != "exception":
                on_event(event, frame.f_code, frame.f_lineno)
            return within

        def trace(frame: FrameType, _: str, __: object) -> Any:
            return within if on_event("call", frame.f_code, frame.f_lineno) else None

        return _observed(call, trace)


def each_instruction(call: Callable[[], Result], step: Step) -> Result:
    """What a call returns; `step` is called before each of its instructions, until it returns false.

    Raises PerflabError where other tools observe already and leave no room.
    """
    return _each_instruction(call, step)


def each_line(call: Callable[[], Result], on_event: OnEvent) -> Result:
    """What a call returns; `on_event` gets the start, lines and end of each Python function in it.

    It is called with the event, the code and a line number, and returns whether this function's further
    events are wanted. Raises PerflabError where other tools observe already and leave no room.
    """
    return _each_line(call, on_event)
