"""Files of other tools, given as parsed JSON, become the sides of a comparison: a format a module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perflab.contract import PerflabError
from perflab.report.across.formats import asv, google_benchmark, hyperfine, pyperf, pytest_benchmark
from perflab.report.across.timings import Side

READ = "pytest-benchmark's, Google Benchmark's, hyperfine's, asv's or pyperf's JSON"
FORMATS = (asv, hyperfine, pyperf, google_benchmark, pytest_benchmark)  # the first whose form it is


def read(path: Path, document: Any, wanted: str) -> Side:
    """The side that a file of another tool is. Raises PerflabError for what is none that is read."""
    if isinstance(document, Mapping):
        for form in FORMATS:
            if form.fits(document):
                side: Side = form.side(str(path), document)
                return side
    raise PerflabError(f"{path}: has no list of benchmarks; {wanted}")
