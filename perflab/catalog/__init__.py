"""Given names: operations, techniques and their functions, and the arrays of a case."""

from perflab.catalog.admission import admit, is_folder, named
from perflab.catalog.find import (
    broken,
    columns_of_peers,
    folder,
    home,
    lacking_peers,
    mutants,
    operation,
    operations,
    outsiders,
    package,
    peers,
    prepare_numba_cache,
    summary,
    targets,
    techniques,
)
from perflab.catalog.implementations import column, elsewhere, implementation, load, load_raw, raw
from perflab.catalog.own import from_here, is_own, typed

__all__ = ["admit", "from_here", "is_folder", "is_own", "named", "typed"]
__all__ += ["broken", "column", "columns_of_peers", "elsewhere", "folder", "home", "implementation"]
__all__ += [
    "lacking_peers",
    "load",
    "load_raw",
    "mutants",
    "operation",
    "operations",
    "outsiders",
    "package",
    "peers",
    "prepare_numba_cache",
]
__all__ += ["raw", "summary", "targets", "techniques"]
