"""What is a submission, what of it is read, and what is refused before anything runs."""

import pytest

from perflab.contract import PerflabError
from perflab.run.grading import submissions

LAYERS = "def affine_forward(x, w, b):\n    pass\n"


def put(folder, **texts):
    for name, text in texts.items():
        file = folder / name.replace("__", "/")
        file = file.with_name(f"{file.name}.py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return folder


def test_a_folder_a_file_and_an_archive_are_named_by_their_paths(tmp_path):
    put(tmp_path, alice__layers=LAYERS, bob=LAYERS)
    (tmp_path / "carol.tar.gz").write_bytes(b"")
    found = submissions.find([f"{tmp_path}/alice/", str(tmp_path / "bob.py"), str(tmp_path / "carol.tar.gz")])
    assert [each.name for each in found] == ["alice", "bob", "carol"]
    assert [submissions.is_archive(each.path) for each in found] == [False, False, True]


def test_what_is_no_students_own_code_is_left_out(tmp_path):
    put(
        tmp_path,
        layers=LAYERS,
        helper="def im2col(x):\n    pass\n",
        cs__softmax="def softmax_loss(x, y): 1\n",
    )
    put(tmp_path / "__MACOSX", layers=LAYERS)
    put(tmp_path, venv__layers=LAYERS, broken="def forward(x, w, b:\n")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "layers.py").write_text(LAYERS)
    (tmp_path / "link.py").symlink_to(tmp_path / "layers.py")
    read = [file.relative_to(tmp_path).as_posix() for file in submissions.to_load(tmp_path)]
    assert read == ["broken.py", "layers.py", "cs/softmax.py"]


def test_its_code_decides_whether_it_is_graded_again(tmp_path):
    folder = put(tmp_path / "alice", layers=LAYERS)
    (submission,) = submissions.find([str(folder)])
    before = submission.digest
    (folder / "notes.txt").write_text("more")
    assert submission.digest == before
    put(folder, layers=LAYERS + "\n# changed\n")
    assert submission.digest != before


def test_what_is_none_is_told_in_a_line(tmp_path):
    put(tmp_path, a__alice=LAYERS, b__Alice=LAYERS)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    told = {
        "none": "no such file or folder",
        "empty": "no submission in it; wanted a folder with a Python file",
        "notes.txt": "no submission; wanted a folder, a Python file, a zip or a tar",
    }
    for name, words in told.items():
        with pytest.raises(PerflabError, match=words):
            submissions.find([str(tmp_path / name)])
    with pytest.raises(PerflabError, match="two submissions of one name"):
        submissions.find([str(tmp_path / "a" / "alice.py"), str(tmp_path / "b" / "Alice.py")])
