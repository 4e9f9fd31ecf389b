"""Given a request: a plan, measured in fresh processes, as records in a run's folder.

`perflab.run` is this package and, as the public face promises, the function `perflab.results.run` too.
"""

import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    """A package that can be called as a function: Python puts it in the place of a function of its name."""

    def __call__(self, *targets: str, **options: Any) -> Any:
        """Verify and time, as `perflab.results.run` describes it."""
        from perflab import results

        return results.run(*targets, **options)

    @property
    def __signature__(self) -> Any:
        import inspect

        from perflab import results

        return inspect.signature(results.run)


sys.modules[__name__].__class__ = _CallablePackage
