"""Saved runs: a folder gives a run with typed, checked records; a run is saved record by record."""

from perflab.records.file import (
    ENVIRONMENT,
    RECORDS,
    SCHEMA,
    Run,
    Writer,
    begin,
    full_or,
    lock,
    mend,
    newest,
    read,
    save,
)
from perflab.records.named import named, names
from perflab.records.plan import Block, Part, Phase, Plan

__all__ = ["ENVIRONMENT", "RECORDS", "SCHEMA", "Block", "Part", "Phase", "Plan", "Run", "Writer",
           "begin", "full_or", "lock", "mend", "named", "names", "newest", "read", "save"]  # fmt: skip
