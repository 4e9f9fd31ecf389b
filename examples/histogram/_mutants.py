"""Known mistakes in a histogram. The checks must catch every one of them. Forward only: no backward."""

import numpy as np

from perflab.contract import Mutant

OUT = r"\mathrm{out}_b = \mathrm{start}_b + \sum_{n:\, \mathrm{bins}_n = b} w_n"


def added_once(bins, w, start):
    out = start.copy()
    out[bins] += w  # NumPy reads, adds, writes: of several samples in a bin the last alone remains
    return out, ()


def counted(bins, w, start):
    return start + np.bincount(bins, minlength=len(start)).astype(start.dtype), ()


def start_forgotten(bins, w, start):
    return np.bincount(bins, weights=w, minlength=len(start)).astype(start.dtype), ()


def start_written(bins, w, start):
    np.add.at(start, bins, w)
    return start.copy(), ()


mutants = (
    Mutant("added_once", "out[bins] += w adds one sample for each bin", added_once, breaks=OUT),
    Mutant("counted", "the samples are counted, their weights ignored", counted, breaks=OUT),
    Mutant("start_forgotten", "the bins begin at zero", start_forgotten, breaks=OUT),
    Mutant("start_written", "the input is written to", start_written),
)
