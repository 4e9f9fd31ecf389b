"""All neurons and all samples at once: each of the four equations is one line.

x (N,n), W2 (h,n), b2 (h,), W3 (k,h), b3 (k,), t (N,k) -> J, a scalar
"""

from .per_neuron import sigmoid


def forward(x, W2, b2, W3, b3, t):
    a2 = sigmoid(x @ W2.T + b2)
    a3 = sigmoid(a2 @ W3.T + b3)
    J = ((a3 - t) ** 2).sum() / x.dtype.type(2 * t.size)
    return J, (x, W2, W3, t, a2, a3)


def backward(dout, cache):
    x, W2, W3, t, a2, a3 = cache
    d3 = dout / x.dtype.type(t.size) * (a3 - t) * (a3 * (1 - a3))  # BP1: the errors of the outputs
    d2 = (d3 @ W3) * (a2 * (1 - a2))  # BP2: the errors of the layer before
    db2, db3 = d2.sum(axis=0), d3.sum(axis=0)  # BP3: the biases
    dW2, dW3 = d2.T @ x, d3.T @ a2  # BP4: the weights
    return d2 @ W2, dW2, db2, dW3, db3
