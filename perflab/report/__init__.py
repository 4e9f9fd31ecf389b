"""Saved records become a page, Markdown, figures and pytest-benchmark's own format.

Everything here is a pure function of what was saved: nothing is measured, and nothing of `ops/` is read.
"""

from perflab.report.summary import Figure, Finding, Summary, summarise, to_json
from perflab.report.write import write

__all__ = ["Figure", "Finding", "Summary", "summarise", "to_json", "write"]
