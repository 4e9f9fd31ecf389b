"""Functions of ours in processes of their own: what they give, how they fail, that those named are there."""

import importlib
import io
import re
import signal
import time

import pytest
from conftest import ROOT

from perflab.contract import PerflabError
from perflab.machine import process

NAMED = re.compile(r"\"(perflab[\w.]*):(\w+)\"|from (perflab[\w.]*) import (\w+);")


def test_it_gives_plain_json_both_ways():
    assert process.call("json:loads", {"s": '{"a": [1, null]}'}, 60.0) == {"a": [1, None]}


@pytest.mark.parametrize(
    ("function", "arguments", "wrong"),
    [
        ("json:loads", {"s": "{"}, "JSONDecodeError: Expecting property name"),
        ("math:gamma", {"y": 1}, "TypeError: "),
        ("math:nothing", {}, "AttributeError: "),
        ("no_such_module:nothing", {}, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("os:_exit", {"status": 5}, "it ended its process with exit status 5"),
        ("sys:exit", {}, "SystemExit: no message"),
        ("os:abort", {}, "its process died: SIGABRT"),
        ("builtins:object", {}, "TypeError: Object of type object is not JSON serializable"),
    ],
)
def test_a_failure_is_one_line(function, arguments, wrong):
    with pytest.raises(PerflabError) as refused:
        process.call(function, arguments, 60.0)
    assert str(refused.value).startswith(wrong)
    assert "\n" not in str(refused.value)


def test_a_python_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr(process.sys, "executable", "/dev/null/python")
    with pytest.raises(PerflabError, match="no process could be started: "):
        process.call("os:getpid", {}, 60.0)


def test_an_interrupted_wait_leaves_the_process_to_its_owner(monkeypatch):
    child = process.begin("multiprocessing.connection:wait", {"object_list": [], "timeout": 60}, 60.0)
    with monkeypatch.context() as patched:
        patched.setattr(child, "communicate", lambda timeout: signal.raise_signal(signal.SIGINT))
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                process.finish(child, 60.0)
        finally:
            signal.signal(signal.SIGINT, before)
    assert child.poll() is None
    child.kill()
    with pytest.raises(PerflabError, match="its process died: SIGKILL"):
        process.finish(child, 60.0)


def test_a_process_whose_owner_is_gone_ends_itself():
    child = process.begin("multiprocessing.connection:wait", {"object_list": [], "timeout": 60}, -4.5)
    began = time.monotonic()
    with pytest.raises(PerflabError, match="its process died: SIGALRM"):
        process.finish(child)
    assert time.monotonic() - began < 50


def test_a_message_that_is_none_of_ours_is_refused_before_it_is_read():
    head = process.BEGIN + (1 << 62).to_bytes(8, "big")
    for sent, kind in ((head, ValueError), (b"\0\0\0\x02{} and more", ValueError), (head[:9], EOFError)):
        with pytest.raises(kind):
            process.Messages(io.BytesIO(sent), io.BytesIO()).receive()


def test_every_function_that_is_named_for_a_process_is_there():
    named = {
        (first or third, second or fourth)
        for path in (ROOT / "perflab").rglob("*.py")
        for first, second, third, fourth in NAMED.findall(path.read_text("utf-8"))
    }
    assert {module for module, _ in named} >= {
        "perflab.machine.process",
        "perflab.machine.ceilings",
        "perflab.oracle.sandbox.worker",
    }
    for module, name in named:
        assert callable(getattr(importlib.import_module(module), name)), f"{module}:{name}"
