"""The documents say what is so: commands parse, code runs, counts are right."""

import re
import shlex
from itertools import pairwise, product

import pytest
from conftest import ROOT, perflab

from perflab import catalog, cli
from perflab.contract import FIRST_RUNGS

README = (ROOT / "README.md").read_text("utf-8")
DOCS = {path.stem: path.read_text("utf-8") for path in sorted(ROOT.glob("docs/*.md"))}
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("perflab/**/*.md")]
DOCUMENTS.append(ROOT / "reports" / "README.md")
COMMANDS = [
    line.split("#")[0].strip()
    for text in (README, *DOCS.values())
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("perflab ")
]


def test_the_code_in_the_documents_runs():
    (code,) = re.findall(r"\n\n```python\n(import.*?)```", DOCS["python"], re.DOTALL)
    held = {}
    exec(compile(code, "README.md", "exec"), held)
    assert held["out"].shape == (2, 4, 8, 8)
    assert held["verdict"].ok
    for line in code.splitlines():
        statement, _, told = line.partition("  # ")
        if told:
            assert repr(eval(statement, held)) == told


@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS))
def test_the_commands_in_the_documents_are_understood(command):
    args = cli.parser().parse_args(shlex.split(command)[1:])
    assert callable(args.command)


@pytest.mark.slow
def test_the_section_on_a_file_of_ones_own_is_so(tmp_path):
    (commands,) = re.findall(r"<!-- own commands -->\n```sh\n(.*?)```", DOCS["own-file"], re.DOTALL)
    for line in commands.splitlines():
        done = perflab(*shlex.split(line)[1:], cwd=tmp_path)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        assert "mine" in done.stdout, line
    assert "where the time goes" in perflab_of_the_run(tmp_path)
    own = DOCS["own-file"]
    ((name, text),) = re.findall(r"<!-- own file: (\S+) -->\n```python\n(.*?)```", own, re.DOTALL)
    (tmp_path / name).write_text(text)
    ((command, told),) = re.findall(r"<!-- own output: (.*?) -->\n```text\n(.*?)```", own, re.DOTALL)
    done = perflab(*shlex.split(command)[1:], cwd=tmp_path)
    assert done.returncode == 1
    assert told.strip() in done.stdout


@pytest.mark.slow
def test_four_commands_lead_from_an_idea_to_a_report(tmp_path):
    own = DOCS["your-own-problem"]
    (commands,) = re.findall(r"<!-- own problem commands -->\n```sh\n(.*?)```", own, re.DOTALL)
    assert len(commands.splitlines()) == 4
    for line in commands.splitlines():
        done = perflab(*shlex.split(line)[1:], cwd=tmp_path)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    assert "study-layer_norm-jit" in (tmp_path / "layer_norm_run" / "report.html").read_text("utf-8")


def perflab_of_the_run(folder):
    (run,) = (folder / "reports").iterdir()
    done = perflab("report", run, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "mine" in (run / "report.html").read_text()
    return done.stdout


def test_the_two_commands_stand_alone_on_one_line():
    for name in ("run", "test"):
        (command,) = re.findall(rf"<!-- {name} command -->\n```sh\n(.*?)\n```", README, re.DOTALL)
        assert "\n" not in command
        assert command.startswith("python3 -m venv .venv && ")


def test_the_table_of_further_rungs_is_the_tree_of_every_ladder():
    rows = dict(re.findall(r"^\| `(\w+)` \| (`vectorized` → .+) \|$", DOCS["techniques"], re.MULTILINE))
    assert tuple(rows) == catalog.operations()
    for op, row in rows.items():
        chains = [[re.findall(r"`(\w+)`", part) for part in chain.split("→")] for chain in row.split(";")]
        steps = [
            (below, rung) for chain in chains for pair in pairwise(chain) for below, rung in product(*pair)
        ]
        since = catalog.operation(op).since
        assert {rung: below for below, rung in steps} == {
            rung: below for rung, below in since.items() if rung not in FIRST_RUNGS
        }


def test_the_number_of_known_mistakes_is_told_right():
    count = sum(len(catalog.mutants(op)) for op in catalog.operations())
    for text in (README, DOCS["trust"], (ROOT / "CHANGELOG.md").read_text("utf-8")):
        (told,) = re.findall(r"(\d+) (?:known mistakes|mutants)", text)
        assert int(told) == count


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("perflab/ops/*/derivation.md")), ids=lambda p: p.parent.name
)
def test_a_derivation_goes_from_one_neuron_to_the_formulas_of_the_files(path):
    text = path.read_text("utf-8")
    for needed in ("one neuron", "batch", "naive.py", "per_neuron.py", "vectorized.py", "jit.py", "$$"):
        assert needed.lower() in text.lower(), needed
    assert text.count("$$") % 2 == 0
