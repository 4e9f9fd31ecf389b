"""The suite's hooks live in `perflab.run.suite`, so that an installed perflab brings them along."""

from perflab.run.suite import (
    contest,
    pytest_addoption,
    pytest_configure,
    pytest_generate_tests,
    pytest_sessionfinish,
)

__all__ = ["contest", "pytest_addoption", "pytest_configure", "pytest_generate_tests", "pytest_sessionfinish"]
