"""Instructions and lines as CPython runs them: the same counts in every version, in a first call too."""

import dis
import sys
import threading

import pytest

from perflab.contract import PerflabError
from perflab.machine.interpreter import each_instruction, each_line


def counted(call):
    steps = 0

    def step():
        nonlocal steps
        steps += 1
        return True

    each_instruction(call, step)
    return steps


def lines_run(call, own):
    runs, depth = {}, []

    def on_event(event, code, line):
        if code.co_filename != own:
            return False
        if event == "line":
            runs[line] = runs.get(line, 0) + 1
        else:
            depth.append(1 if event == "call" else -1)
        return True

    each_line(call, on_event)
    assert sum(depth) == 0
    return runs


def new_function(text, name):
    """A function that no earlier test called, with its file's name."""
    namespace = {}
    exec(compile(text, "drawn.py", "exec"), namespace)
    return namespace[name]


LOOP = "def loop(n):\n    total = 0\n    for i in range(n):\n        total += i * i\n    return total\n"


def loop_instructions(function):
    """The instructions of one round of a function's only loop, as `dis` shows them."""
    shown = list(dis.get_instructions(function))
    begin = next(i for i, each in enumerate(shown) if each.opname == "FOR_ITER")
    end = next(i for i, each in enumerate(shown) if each.opname.startswith("JUMP_BACKWARD"))
    return end - begin + 1


def test_a_loop_takes_the_instructions_that_its_disassembly_shows():
    function = new_function(LOOP, "loop")
    wanted = 1000 * loop_instructions(function)
    assert counted(lambda: function(1000)) == pytest.approx(wanted, rel=0.01)


def test_a_first_call_counts_as_much_as_a_second():
    function = new_function(LOOP, "loop")
    first, second = counted(lambda: function(100)), counted(lambda: function(100))
    assert first == second > 500


def test_a_call_of_nothing_counts_only_its_own_instructions():
    assert counted(int) == 0
    assert counted(lambda: None) == sum(
        each.opname != "RESUME" for each in dis.get_instructions(lambda: None)
    )


def test_observing_ends_when_it_is_asked_to():
    function, steps = new_function(LOOP, "loop"), []
    each_instruction(lambda: function(1000), lambda: steps.append(1) or len(steps) < 50)
    assert len(steps) == 50


def test_an_error_ends_the_observation():
    with pytest.raises(ZeroDivisionError):
        counted(lambda: 1 // 0)
    assert sys.gettrace() is None
    assert counted(int) == 0


def test_every_run_of_a_line_is_seen():
    function = new_function(LOOP, "loop")
    for _ in range(2):
        runs = lines_run(lambda: function(30), "drawn.py")
        assert (runs[2], runs[4], runs[5]) == (1, 30, 1)
        assert runs[3] in (30, 31)


def test_generators_and_errors_leave_as_often_as_they_enter():
    text = (
        "def numbers(n):\n    yield from range(n)\n    raise KeyError\n"
        "def total(n):\n    result = 0\n    try:\n        for i in numbers(n):\n            result += i\n"
        "    except KeyError:\n        pass\n    return result\n"
    )
    runs = lines_run(lambda: new_function(text, "total")(5), "drawn.py")
    assert (runs[3], runs[8], runs[11]) == (1, 5, 1)


def test_another_thread_is_not_observed():
    function = new_function(LOOP, "loop")

    def call():
        thread = threading.Thread(target=function, args=(10_000,))
        thread.start()
        thread.join()

    assert counted(call) < 10_000


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before Python 3.12 the trace function serves")
def test_where_other_tools_observe_everything_it_is_said():
    taken = [tool for tool in range(6) if sys.monitoring.get_tool(tool) is None]
    for tool in taken:
        sys.monitoring.use_tool_id(tool, "another")
    try:
        with pytest.raises(PerflabError, match=r"other tools use all of sys\.monitoring"):
            counted(int)
    finally:
        for tool in taken:
            sys.monitoring.free_tool_id(tool)
