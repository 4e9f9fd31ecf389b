"""Given names: operations, techniques and their functions, and the arrays of a case."""

from perflab.catalog.find import (
    broken,
    columns_of_peers,
    folder,
    home,
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
from perflab.catalog.implementations import column, implementation, load, load_raw, raw

__all__ = ["broken", "column", "columns_of_peers", "folder", "home", "implementation", "load", "load_raw"]
__all__ += ["mutants", "operation", "operations", "outsiders", "package", "peers", "prepare_numba_cache"]
__all__ += ["raw", "summary", "targets", "techniques"]
