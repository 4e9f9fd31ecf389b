"""Given the address of a dask.distributed cluster, measures and judges with its workers, here or elsewhere.

`cluster.py` asks workers, `serving.py` is what they run. A run on every host is `hosts.py` on this side and
`measuring.py` on theirs; the judging of a class is `judges.py` and `run/grading/judging.py`.
"""
