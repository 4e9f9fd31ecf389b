"""Imports a dozen modules of the standard library, and a clock that it does not read."""

import collections
import decimal
import fractions
import heapq
import itertools
import json
import random
import statistics
import time

USED = collections, decimal, fractions, heapq, itertools, json, random, statistics, time


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
