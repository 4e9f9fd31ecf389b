"""perflab: the performance lab for vectorisation. Verified or no number.

>>> import perflab
>>> perflab.operations()
('softmax_loss', 'fully_connected', 'conv2d', 'max_pool2d', 'rnn', 'mlp')
>>> perflab.techniques("softmax_loss")[:3]
('naive', 'per_neuron', 'vectorized')
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perflab.catalog.find import operation as operation
    from perflab.catalog.find import operations as operations
    from perflab.catalog.find import techniques as techniques
    from perflab.catalog.implementations import implementation as implementation
    from perflab.catalog.implementations import load as load
    from perflab.contract import PerflabError as PerflabError
    from perflab.results import Result as Result
    from perflab.results import result as result
    from perflab.results import run as run
    from perflab.run.verify import verify as verify

__version__ = "0.1.0"


def _refused() -> str:
    """Why perflab does not run on this Python, in one line; empty where it does."""
    version = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
    if not (3, 11) <= sys.version_info[:2] <= (3, 15):
        return f"perflab: found {version}; wanted 3.11 to 3.15"
    if "free-threading build" in sys.version:
        return f"perflab: found a free-threaded {version}, which was not tried; wanted one with the lock"
    return ""


if why := _refused():
    if sys.argv[:1] == ["-m"]:  # `python -m perflab`: one line for a user
        sys.stderr.write(why + "\n")
        raise SystemExit(2)
    raise ImportError(why)
del why

_HOME = {
    "PerflabError": "perflab.contract",
    "Result": "perflab.results",
    "implementation": "perflab.catalog.implementations",
    "load": "perflab.catalog.implementations",
    "operation": "perflab.catalog.find",
    "operations": "perflab.catalog.find",
    "result": "perflab.results",
    "run": "perflab.run",
    "techniques": "perflab.catalog.find",
    "verify": "perflab.run.verify",
}
__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `import perflab` itself costs next to nothing."""
    if name not in _HOME:
        raise AttributeError(f"module 'perflab' has no attribute {name!r}")
    import importlib

    home = importlib.import_module(_HOME[name])
    return home if home.__name__ == f"perflab.{name}" else getattr(home, name)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext perflab`: gives a notebook the cell magic `%%perflab`."""
    from perflab.cli import notebook

    notebook.load(shell)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
