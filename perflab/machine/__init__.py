"""Given the operating system: what this machine is and can do at most, and pinned processes."""

from perflab.machine.description import environment
from perflab.machine.portable import keep_to_cores
from perflab.machine.saved import cache_folder, identity, load_saved, prepare_matplotlib, save
from perflab.machine.system import cpu_name, cpu_ticks, limit_memory, memory_available, steal_share
from perflab.machine.threads import POOLS, cores, cpu_seconds, for_child, pinned, pools, settle

__all__ = ["POOLS", "cache_folder", "cores", "cpu_name", "cpu_seconds", "cpu_ticks", "environment"]
__all__ += ["for_child", "identity", "keep_to_cores", "limit_memory", "load_saved", "memory_available"]
__all__ += ["pinned", "pools", "prepare_matplotlib", "save", "settle", "steal_share"]
