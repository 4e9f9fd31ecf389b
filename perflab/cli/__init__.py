"""The command line: it asks and prints, and is the only part of perflab that prints."""

from perflab.cli.main import main, parser

__all__ = ["main", "parser"]
