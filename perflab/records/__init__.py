"""Given a folder, gives the run that is saved in it, its records typed and checked; and saves such runs."""

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
)
from perflab.records.plan import Block, Plan

__all__ = [
    "ENVIRONMENT",
    "RECORDS",
    "SCHEMA",
    "Block",
    "Plan",
    "Run",
    "Writer",
    "begin",
    "full_or",
    "lock",
    "mend",
    "newest",
    "read",
]
