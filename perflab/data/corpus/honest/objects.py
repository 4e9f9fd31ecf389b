"""Its functions are an object's methods, and its cache is an object."""

from dataclasses import dataclass
from typing import Any


@dataclass
class Kept:
    x: Any
    w: Any


class Layer:
    def forward(self, x, w, b):
        return x @ w + b, Kept(x, w)

    def backward(self, dout, cache):
        return dout @ cache.w.T, cache.x.T @ dout, dout.sum(axis=0)


forward, backward = Layer().forward, Layer().backward
