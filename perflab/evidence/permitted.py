"""A compiled rung under a floating-point permission that its source does not give: `jit+reassociate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perflab.contract import PerflabError
from perflab.errors import unknown

SIGN = "+"
PERMISSIONS: Mapping[str, bool | set[str]] = {
    "contract": {"contract"},
    "reassociate": {"reassoc"},
    "fast_math": True,
}


def split(technique: str) -> tuple[str, str]:
    """A technique, and the permission behind its name or "". Raises PerflabError for an unknown one."""
    name, sign, permission = technique.partition(SIGN)
    if sign and permission not in PERMISSIONS:
        raise PerflabError(unknown("permission", technique, PERMISSIONS, permission))
    return name, permission


def give(permission: str) -> None:
    """From here on, in this process, Numba compiles everything under a permission; "" changes nothing."""
    if not permission:
        return
    from numba.core import cpu
    from numba.core.cpu_options import FastMathOptions

    finalize = cpu.CPUTargetOptions.finalize
    given = FastMathOptions(PERMISSIONS[permission]).flags

    def permitting(options: Any, flags: Any, default: Any) -> None:
        finalize(options, flags, default)
        flags.fastmath = FastMathOptions({*flags.fastmath.flags, *given})

    cpu.CPUTargetOptions.finalize = permitting
