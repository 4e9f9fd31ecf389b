"""How PyTorch's functions are compiled: whole, for every shape, in this process."""

import torch
import torch._dynamo
import torch._functorch.config
import torch._inductor.config

MOST_SHAPES = 4096

torch._functorch.config.donated_buffer = False  # gradients are asked for many times of one graph
torch._inductor.config.compile_threads = 1  # no worker processes beside the timed code
# Beyond its usual limit PyTorch would go on without compiling.
torch._dynamo.config.recompile_limit = torch._dynamo.config.accumulated_recompile_limit = MOST_SHAPES


def compiled(forward):
    """A peer's forward as one compiled graph. It raises where PyTorch cannot compile all of it."""
    return torch.compile(forward, fullgraph=True, dynamic=False)


def compilations():
    """How many graphs, forward and backward, this process has compiled or loaded from PyTorch's cache."""
    counters = torch._dynamo.utils.counters
    return counters["inductor"]["fxgraph_cache_miss"] + counters["inductor"]["fxgraph_cache_bypass"]
