"""Other projects' versions of the operations, a folder a project and a file an operation.

A file defines four plain functions and holds nothing of perflab:

to_native(value) -> the library's own tensor for an array, made before the clock starts; dout's too
forward(*native) -> (out, cache), over when it returns; as an operation's technique would have it
backward(dout, cache) -> the gradients in the order of the operation's wrt; one cache serves many calls
to_numpy(value) -> a NumPy array in NCHW and the same dtype, made after the clock has stopped

A peer answers like any technique. Where it does not, its file's docstring says so.
"""
