"""A class of generated submissions for `perflab grade`: python tests/classroom.py FOLDER COUNT [SEED].

Each is different: a rung in NumPy of some operation, a course's whole file, a known mistake, or something
that does not even load; as a file, a folder or an archive. FOLDER.json tells what each holds.
"""

import json
import random
import shutil
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
COURSE = HERE / "catalog" / "assignments" / "filled" / "cs231n" / "layers.py"
# Right, with a remark, for a file from outside.
REMARKED = {"log_of_zero", "no_shift", "shift_of_the_batch", "last_maximum", "nan_skipped", "tie_shared"}
MISTAKES = [
    file for file in sorted((HERE / "oracle" / "mistakes").glob("*/*.py")) if file.stem not in REMARKED
]
CORPUS = HERE.parent / "perflab" / "data" / "corpus" / "cheats"
CHEATS = [CORPUS / f"{name}.py" for name in ("patches_numpy", "reuses", "right_where_known")]
RIGHT = {
    "fully_connected": ("per_neuron", "vectorized", "in_place"),
    "max_pool2d": ("per_neuron", "vectorized", "strided"),
    "softmax_loss": ("per_neuron", "vectorized"),
    "conv2d": ("per_neuron", "vectorized"),
}
BROKEN = {
    "hangs": "while True:\n    pass\n",
    "exits": "import os\n\nos._exit(0)\n",
    "syntax": "def forward(x, w, b:\n",
    "half": "def forward(x, w, b):\n    return x @ w + b, (x, w)\n",
}
# Of 100 submissions: so many are a rung, a course's file, a known mistake, a cheat, and each of the broken.
SHARES = {"rung": 48, "course": 8, "mistake": 36, "cheat": 4, "hangs": 1, "exits": 1, "syntax": 1, "half": 1}


def write(folder, count, seed=0):
    """Write so many submissions into a new folder; what each holds, by its name."""
    folder.mkdir(parents=True)
    draw = random.Random(seed)
    kinds = [*SHARES, *draw.choices([*SHARES], [*SHARES.values()], k=count)][:count]
    told = {}
    for number, kind in enumerate(kinds):
        name = f"student{number:03d}"
        operation, text = _content(kind, draw)
        text = f"{text}\n# Submission {number} of {draw.getrandbits(40)}.\n"
        _hand_in(folder, name, f"{operation}_{draw.choice(('mine', 'final', 'layer'))}.py", text, draw)
        told[name] = {"kind": kind, "operation": operation}
    return told


def _content(kind, draw):
    """The operation and the text of a submission of a kind."""
    if kind in BROKEN:
        functions = "" if kind in ("syntax", "half") else "\n\ndef forward(x, w, b):\n    return x\n"
        return "fully_connected", BROKEN[kind] + functions
    if kind == "course":
        return "conv2d", COURSE.read_text("utf-8")
    if kind == "cheat":
        return "fully_connected", draw.choice(CHEATS).read_text("utf-8")
    if kind == "mistake":
        file = draw.choice(MISTAKES)
        return file.parent.name, file.read_text("utf-8")
    from perflab.catalog import starter

    operation = draw.choice([*RIGHT])
    with tempfile.TemporaryDirectory() as place:
        rung = starter.write(operation, Path(place) / "mine.py", draw.choice(RIGHT[operation]))
        return operation, rung.read_text("utf-8")


def _hand_in(folder, name, file, text, draw):
    """Write a submission as a file, a folder, a zip or a tar; the file's name in it tells the operation."""
    own = folder / name
    own.mkdir()
    (own / file).write_text(text, "utf-8")
    form = draw.choice(("folder", "folder", "zip", "tar"))
    if form == "zip":
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.write(own / file, f"{name}/{file}")
    elif form == "tar":
        with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(own / file, f"{name}/{file}")
    if form != "folder":
        shutil.rmtree(own)


if __name__ == "__main__":
    place, number, *seed = sys.argv[1:]
    held = write(Path(place), int(number), int(seed[0]) if seed else 0)
    Path(f"{place}.json").write_text(json.dumps(held, indent=1), "utf-8")
