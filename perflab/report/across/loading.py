"""A JSON file in little memory: what no comparison needs is dropped while it is parsed."""

from __future__ import annotations

import json
import re
from array import array
from pathlib import Path
from typing import Any

SHORT = 16  # lists up to this length stay lists
# Keys of which no format needs the value: pytest-benchmark's, Google Benchmark's, hyperfine's and pyperf's.
UNUSED = frozenset((
    "extra_info", "options", "flags", "outliers", "iqr", "q1", "q3", "iqr_outliers", "stddev_outliers", "ops",
    "ld15iqr", "hd15iqr", "total", "cpu_time", "items_per_second", "bytes_per_second", "load_avg",
    "exit_codes", "memory_usage_byte", "warmups",
))  # fmt: skip
NOT_ASCII = re.compile(rb"[\x80-\xff]+")
BOM = b"\xef\xbb\xbf"


def document(path: Path) -> Any:
    """The JSON document in a file; long lists of numbers are arrays of doubles, unused keys are gone.

    A file of 150 MiB needs about twice its size. Raises OSError, and ValueError for what is no JSON.
    """
    try:
        return json.loads(_text(path), object_hook=_kept)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _text(path: Path) -> str:
    """A file's text with a byte a character: in JSON every other character may be an escape."""
    content = path.read_bytes()
    encoding = json.detect_encoding(content)
    if not encoding.startswith("utf-8"):
        return content.decode(encoding)
    if content.startswith(BOM):
        content = content[len(BOM) :]
    if not content.isascii():
        content = NOT_ASCII.sub(lambda found: json.dumps(found[0].decode("utf-8"))[1:-1].encode(), content)
    return content.decode("ascii")


def _kept(read: dict[str, Any]) -> dict[str, Any]:
    for key in UNUSED & read.keys():
        del read[key]
    for key, value in read.items():
        if type(value) is list and len(value) > SHORT and set(map(type, value)) <= {float, int}:
            try:
                read[key] = array("d", value)
            except OverflowError:  # a whole number that no double holds; it is no time, and told as such
                continue
    return read
