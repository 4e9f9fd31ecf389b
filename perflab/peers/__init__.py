"""Other projects' versions of the operations, one folder for each project and one file for each operation.

A file defines plain functions and imports nothing of perflab:

to_native(value) -> the library's own tensor for an array, created before the timing; also for dout
forward(*native) -> (out, cache), finished when it returns; as in a technique of the operation
backward(dout, cache) -> the gradients in the order of the operation's wrt; one cache serves many calls
to_numpy(value) -> a NumPy array in NCHW and the same dtype, created after the timing

and, where the library compiles at a first call, a fifth one:

compilations() -> how many functions it has compiled in this process; what it only loads is not counted

A peer gives the same results as a technique. Where it does not, the docstring of its file says so.
"""
