"""The terminal's manners: completion, the pager, widths, pipes that close, output that lacks characters."""

import io
import json
import os
import pty
import select
import shlex
import subprocess
import sys
import time

import pytest
from conftest import ROOT, one_line, perflab, perflab_process, user_environment

from perflab import catalog, cli
from perflab.cli import completion, parsing, terminal

WRONG = """
def forward(x, w, b):
    return x @ w + b, (x, w)
def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.mean(axis=0)
"""

# ------------------------------------------------------------------------------------------- help and options


@pytest.mark.parametrize("width", [20, 80, 100])
@pytest.mark.parametrize("verb", ["", *cli.main.__globals__["VERBS"]])
def test_help_breaks_no_word(verb, width):
    words = (verb, "--help") if verb else ("--help",)
    unbroken, text = (perflab(*words, COLUMNS=str(each)).stdout for each in (2000, width))
    assert set(unbroken.split()) == set(text.split())
    assert width == 20 or max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "--prset", "smoke"], "--prset: unknown option of perflab run; did you mean --preset"),
        (
            ["train", "--techniqe=jit"],
            "--techniqe: unknown option of perflab train; did you mean --technique",
        ),
        (["train", "--epochs", "abc"], "--epochs: 'abc'; wanted a whole number"),
        (["verify", "--limit", "abc"], "--limit: 'abc'; wanted a number"),
        (["run", "--preset"], "--preset: expected one argument; see `perflab help run`"),
        (["new", "conv2d"], "required: FILE; see `perflab help new`"),
        (["new", "conv2d", "a.py", "b.py"], "b.py: not understood; wanted perflab new"),
        (["--frobnicate"], "required: COMMAND; see `perflab --help`"),
        (["train", "--model", "cn"], "cn: unknown model; did you mean cnn?"),
        (["board", "--direction", "fwd"], "fwd: unknown direction; did you mean forward?"),
    ],
)
def test_a_mistake_in_options_is_one_line(words, told, tmp_path):
    assert told in one_line(perflab(*words, cwd=tmp_path), 2)
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------------- completion


def completed(line, cwd):
    """What a shell is offered for a line that ends at the cursor."""
    answer = cwd / "answer"
    asked = {
        "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9", "_ARGCOMPLETE_SHELL": "bash",
    }  # fmt: skip
    done = perflab_process(cwd=cwd, **asked)
    assert done.returncode == 0, done.stderr
    return answer.read_text().split()


def offered(words, prefix=""):
    """The same in this process."""
    found = []

    def keep(parser, **how):
        finder = completion.argcomplete.CompletionFinder(parser, always_complete_options="long")
        found.extend(word.strip() for word in finder._get_completions(words, prefix, "", None))

    before, completion.argcomplete.autocomplete = completion.argcomplete.autocomplete, keep
    try:
        completion.answer(cli.parser())
    finally:
        completion.argcomplete.autocomplete = before
    return found


def test_a_shell_is_answered(tmp_path):
    (tmp_path / "mine.py").touch()
    assert completed("perflab ru", tmp_path) == ["run"]


@pytest.mark.parametrize(
    ("words", "prefix", "wanted"),
    [
        (["run"], "conv", {"conv2d"}),
        (["run"], "conv2d/jit", {"conv2d/jit", "conv2d/jit_parallel"}),
        (["run", "conv2d", "--case"], "cs", {"cs231n"}),
        (["verify", "fully_connected", "--case"], "od", {"odd"}),
        (["run", "--preset"], "s", {"smoke", "sweep"}),
        (["run", "conv2d", "--size"], "st", {"stride="}),
        (["study"], "ch", {"chain-rule"}),
        (["study", "rnn", "--asm"], "one", {"one_product"}),
        (["train", "--technique"], "fas", {"fastest"}),
        (["board", "--dir"], "--dir", {"--direction"}),
        (["run", "--peer"], "t", {"torch", "torch_compile"}),
        (["run", "--with"], "mi", {"mine.py"}),
        (["report"], "sa", {"saved/"}),
        (["report", "saved", "--figure"], "l", {"ladder-rnn-t1"}),
        (["report", "saved", "--baseline"], "winograd2", {"winograd2"}),
    ],
)
def test_names_are_offered(words, prefix, wanted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").touch()
    (tmp_path / "saved" / "figures").mkdir(parents=True)
    (tmp_path / "saved" / "figures" / "ladder-rnn-t1.svg").touch()
    assert set(offered(["perflab", *(word for word in words if word != prefix)], prefix)) == wanted


def test_every_option_with_names_has_an_offer():
    dests = {action.dest for verb in parsing.verbs(cli.parser()).values() for action in verb._actions}
    assert set(completion.OFFERS) <= dests
    assert set(offered(["perflab", "list"], "")) >= set(catalog.operations())


# ------------------------------------------------------------------------------------- widths and characters


def test_a_file_has_a_line_a_row_and_a_terminal_as_many_as_fit(tmp_path):
    in_a_file = perflab("list", "conv2d", cwd=tmp_path).stdout
    for name in catalog.techniques("conv2d"):
        assert any(catalog.summary("conv2d", name) in line for line in in_a_file.splitlines()), name
    assert max(map(len, perflab("list", "conv2d", cwd=tmp_path, COLUMNS="60").stdout.splitlines())) <= 60


@pytest.mark.parametrize("columns", ["0", "abc", "-5", ""])
def test_columns_that_are_no_number_are_as_none(columns, tmp_path):
    unlimited = perflab("list", "conv2d", cwd=tmp_path, COLUMNS="2000").stdout
    assert perflab("list", "conv2d", cwd=tmp_path, COLUMNS=columns).stdout == unlimited


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
)
def test_output_without_the_characters_has_what_is_most_like_them(environment, tmp_path):
    done = perflab_process("study", "chain-rule", cwd=tmp_path, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "x = -2" in done.stdout
    assert done.stdout.isascii()
    plain = json.loads(perflab_process("list", "conv2d", "--json", cwd=tmp_path, **environment).stdout)
    assert "Σ" in plain["conv2d"]["summary"], "JSON loses nothing"


@pytest.mark.parametrize("words", ["list", "list --json", "--help", "study chain-rule"])
def test_a_pipe_that_closes_is_no_error(words, tmp_path):
    command = f"{sys.executable} -m perflab {words} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=user_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_command_that_is_wrapped_is_still_one_for_a_shell(tmp_path):
    (tmp_path / "mine.py").write_text(WRONG)
    shown = perflab("verify", "fully_connected", "--with", "mine.py", cwd=tmp_path, COLUMNS="50").stdout
    command = shown.partition("again: ")[2]
    words = shlex.split(command[: command.index("mine.py") + len("mine.py")])
    assert words[:3] == ["perflab", "verify", "fully_connected"]
    assert words[-2:] == ["--with", "mine.py"]
    assert "\\\n" in command


# ------------------------------------------------------------------------------------------------------ pager


def in_a_terminal(*words, rows=24, columns=80, keys=b"", **variables):
    """What a terminal is sent by the command line, which is its only process."""
    process, terminal_ = pty.fork()
    if process == 0:
        environment = user_environment() | {"TERM": "xterm-256color"} | variables
        os.execve(sys.executable, [sys.executable, "-m", "perflab", *words], environment)
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal_, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    sent, until = b"", time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([terminal_], [], [], 0.2)[0]:
            try:
                sent += os.read(terminal_, 65536)
            except OSError:  # it has ended
                break
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return sent.decode()


PAGER = f"{sys.executable} -c \"import sys; print('PAGED', sys.stdin.read())\""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no pseudo-terminals")
def test_a_study_goes_through_the_pager_in_a_terminal_in_colour():
    text = in_a_terminal("study", "max_pool2d/jit", PAGER=PAGER, rows=10)
    assert "PAGED" in text
    assert "\x1b[1m" in text, "bold"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no pseudo-terminals")
@pytest.mark.parametrize(
    "variables",
    [
        {"PAGER": PAGER, "rows": 500},
        {"PAGER": "no-such-pager"},
        {"PAGER": "less '"},
        {"PAGER": " "},
        {"PAGER": PAGER, "TERM": "dumb"},
    ],
)
def test_what_fits_or_has_no_pager_is_printed(variables):
    text = in_a_terminal("study", "max_pool2d/jit", **variables)
    assert "PAGED" not in text
    assert "Numba" in text


def test_no_color_is_obeyed():
    assert "\x1b[3" not in in_a_terminal("study", "max_pool2d/jit", PAGER=PAGER, NO_COLOR="1", rows=10)


def test_a_file_is_no_screen(monkeypatch):
    monkeypatch.setenv("PAGER", "false")
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    terminal.print_paged(terminal.Console(), ["line"] * 100)
    assert out.getvalue().count("line") == 100


def test_completion_costs_nothing_at_the_start():
    code = "import sys, perflab.cli; perflab.cli.parser(); print('argcomplete' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
