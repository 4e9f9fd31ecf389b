"""Asks another process at import what it could have asked itself."""

import subprocess
import sys

LINE = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True, check=True).stdout
FACTOR = int(LINE)


def forward(x, w, b):
    return x @ w + FACTOR * b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
