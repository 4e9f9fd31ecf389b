"""A run's environment in words, and the differences between two environments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perflab.records.typed import escaped

# A difference here makes runs incomparable. "python" is the minor version, "blas" name, version and kernel.
COMPARED = ("cpu", "simd", "caches", "cores_allowed", "memory_limit_bytes", "governor", "python", "numpy",
            "numba", "llvm", "blas", "variables", "allocator")  # fmt: skip
# A difference here is only reported: the code under test is among them.
REPORTED = ("system", "hypervisor", "container", "turbo", "memory_bytes", "scipy", "perflab", "commit",
            "branch")  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One key whose value differs between two environments, with both values in words."""

    key: str
    base: str
    new: str

    def __str__(self) -> str:
        return f"{self.key.replace('_', ' ')}: {self.base!r} against {self.new!r}"


def differences(
    base: Mapping[str, Any], new: Mapping[str, Any], keys: Sequence[str] = COMPARED
) -> list[Difference]:
    """The differences of two environments in these keys.

    A key that is missing or "unknown" on either side is no difference.

    >>> differences({"cpu": "A", "python": "CPython 3.11.7"}, {"cpu": "B", "python": "CPython 3.11.9"})
    [Difference(key='cpu', base='A', new='B')]
    """
    both = [(key, in_words(base, key), in_words(new, key)) for key in keys]
    return [Difference(key, a, b) for key, a, b in both if a and b and a != b]


def in_words(described: Mapping[str, Any], key: str) -> str:
    """The value of one key of `COMPARED` or `REPORTED` in words; empty if unknown.

    >>> in_words({"caches": {"L1": 32768}}, "caches")
    'L1 32768'
    >>> in_words({"memory_limit_bytes": None}, "memory_limit_bytes")
    'no limit'
    >>> in_words({"variables": {}}, "variables"), in_words({"caches": {}}, "caches")
    ('none set', '')
    """
    value = described.get(key)
    if key in ("numba", "scipy"):
        versions = described.get("versions")
        value = versions.get(key) if isinstance(versions, Mapping) else None
    elif key == "python":
        value = str(value or "").rpartition(".")[0]
    elif key == "memory_limit_bytes" and key in described and value is None:
        value = "no limit"
    elif key == "variables" and value == {}:
        value = "none set"
    elif key == "blas":
        value = value[0] if isinstance(value, list) and value else None
        value = " ".join(filter(None, map(str, value.values()))) if isinstance(value, Mapping) else value
    if isinstance(value, Mapping):
        value = ", ".join(f"{name} {part}" for name, part in sorted(value.items()))
    elif isinstance(value, list):
        value = " ".join(map(str, value))
    return "" if value is None or value == "unknown" else escaped(str(value))


def one_line(described: Mapping[str, Any]) -> str:
    """The environment in one line, for captions."""
    libraries = described.get("blas")
    blas = libraries[0] if isinstance(libraries, list) and libraries else {}
    blas = blas if isinstance(blas, Mapping) else {}  # an edited file may contain anything
    return (
        f"{described.get('cpu', 'unknown CPU')}, {described.get('cores_allowed', '?')} cores,"
        f" {described.get('python', 'Python ?')}, NumPy {described.get('numpy', '?')}"
        f" ({blas.get('name', 'BLAS ?')} {blas.get('version', '')}),"
        f" Numba {in_words(described, 'numba') or '?'}"
    )
