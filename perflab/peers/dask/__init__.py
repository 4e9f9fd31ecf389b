"""Dask on the threads of one machine: rows in chunks, a task for each, gradients summed."""
