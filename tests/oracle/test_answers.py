"""What a worker answers is untrusted: a wrong answer is the file's, an error of our own part is ours."""

import numpy as np
import pytest

import perflab
from perflab import oracle
from perflab.contract import PerflabError
from perflab.oracle import observation
from perflab.oracle.sandbox import answers, review

OPERATION = perflab.operation("fully_connected")
CASE = OPERATION.checks["odd"]
DESCRIBED = {
    "operation": "fully_connected", "technique": "mine", "source": "mine.py", "summary": "",
    "unwritten": [], "notes": [], "gives": None,
}  # fmt: skip
CONTENT = {"columns": [DESCRIBED], "files": ["mine.py"], "notes": [], "forbidden": ""}
COLUMN = answers.column(answers.content(CONTENT).columns[0])
MINE = "def backward(dout, cache):\n    x, w = cache\n    return dout @ w.T, x.T @ dout, dout.sum(axis=0)\n"
OUT = np.zeros((5, 3), np.float32)
GRADIENTS = tuple(np.zeros(shape, np.float32) for shape in ((5, 7), (7, 3), (3,)))


def answer(**changed):
    """What our worker answers for the vectorized technique, with these fields changed; None removes one."""
    right = perflab.implementation("fully_connected", "vectorized")
    told = vars(observation.observe(OPERATION, right, CASE, "float32"))
    told = {name: list(value) if name == "views" else value for name, value in told.items()}
    return {name: value for name, value in (told | changed).items() if value is not None}


def test_an_answer_of_our_worker_is_read_as_it_was_given():
    whole = answer()
    assert vars(answers.observation(whole, COLUMN, CASE, "float32")) == whole | {"views": ()}


@pytest.mark.parametrize(
    "changed",
    [
        {"wrote": None}, {"wrote": "no"}, {"raised": None}, {"raised": 3}, {"views": None}, {"views": "out"},
        {"first": (OUT,)}, {"first": (OUT, *GRADIENTS, OUT)}, {"first": (OUT.T, *GRADIENTS)},
        {"first": (OUT.astype("float16"), *GRADIENTS)}, {"first": ()}, {"second": (OUT,)},
        {"repeated": GRADIENTS[:1]}, {"ints": GRADIENTS}, {"whole": 1},
    ],
    ids=lambda changed: "-".join(changed),
)  # fmt: skip
def test_a_well_formed_answer_that_our_worker_does_not_give_is_none(changed):
    assert answers.observation(answer(**changed), COLUMN, CASE, "float32") is None


@pytest.mark.parametrize(
    "changed",
    [
        {"columns": []}, {"columns": [DESCRIBED | {"operation": "nothing"}]}, {"files": 3}, {"notes": {}},
        {"columns": [DESCRIBED | {"gives": ["q"]}]}, {"columns": [DESCRIBED | {"unwritten": ["all"]}]},
        {"columns": [{}]}, {"forbidden": []}, {"error": 2},
    ],
    ids=lambda changed: "-".join(changed),
)  # fmt: skip
def test_a_description_of_a_file_that_our_worker_does_not_give_is_none(changed):
    assert answers.content(CONTENT | changed) is None


@pytest.mark.parametrize(
    "forged",
    ["""{"arrays": {}}""", """{"arrays": {"first": [["float32", [2, -1]]]}}""", "[[", '"[" * 9**5'],
    ids=["no fields", "no arrays", "no JSON", "too deep"],
)
def test_a_file_that_forges_an_answer_is_named(tmp_path, forged):
    text = forged if "*" in forged else repr(forged)
    file = tmp_path / "mine.py"
    file.write_text(
        f"import contextlib, os\nFORGED = ({text}).encode()\ndef forward(x, w, b):\n"
        "    for descriptor in range(3, 64):\n        with contextlib.suppress(OSError):\n"
        "            os.set_blocking(descriptor, False)\n"
        "            os.write(descriptor, b'message:' + len(FORGED).to_bytes(8, 'big') + FORGED)\n"
        "    return x @ w + b, (x, w)\n" + MINE
    )
    (reviewed,) = review.review(file, "fully_connected", dtypes=["float32"], cases=["odd"], limit_s=5).reviews
    assert reviewed.status == "not shown"
    assert "it wrote into the pipe of its own results" in reviewed.reason


def test_what_our_own_part_raises_is_not_laid_at_the_implementations_door(monkeypatch):
    def broken(*_):
        raise KeyError("ours")

    monkeypatch.setattr(observation.inputs, "make", broken)
    seen = observation.observe(OPERATION, perflab.implementation("fully_connected", "naive"), CASE, "float32")
    assert not seen.raised
    assert "the inputs of fully_connected, case odd, cannot be made: KeyError" in seen.failed
    verdict = oracle.verdict_on(OPERATION, COLUMN, "float32", [(CASE, seen)])
    assert verdict.status == "cannot run here"
    with pytest.raises(PerflabError, match="cannot be made"):
        answers.wanted(COLUMN, CASE, "float32")


def test_what_our_worker_raises_is_its_own():
    seen = answers.observation({"failed": "KeyError: 'arrays'"}, COLUMN, CASE, "float32")
    verdict = oracle.verdict_on(OPERATION, COLUMN, "float32", [(CASE, seen)])
    assert (verdict.status, verdict.where) == ("cannot run here", "odd: can be checked: KeyError: 'arrays'")
