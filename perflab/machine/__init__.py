"""Given the operating system: what this machine is and can do at most, and pinned processes."""

from perflab.machine.environment import environment
from perflab.machine.kept import cache_folder, identity, prepare_matplotlib, store, stored
from perflab.machine.system import cpu_name, cpu_ticks, limit_memory, memory_available, steal_share
from perflab.machine.threads import POOLS, cores, cpu_seconds, for_child, keep_to_cores, pinned, pools, settle

__all__ = [
    "POOLS",
    "cache_folder",
    "cores",
    "cpu_name",
    "cpu_seconds",
    "cpu_ticks",
    "environment",
    "for_child",
    "identity",
    "keep_to_cores",
    "limit_memory",
    "memory_available",
    "pinned",
    "pools",
    "prepare_matplotlib",
    "settle",
    "steal_share",
    "store",
    "stored",
]
