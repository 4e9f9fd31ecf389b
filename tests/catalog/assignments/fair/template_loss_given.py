"""The loss is given and fails at extreme scores; the gradient is still to be written."""

import numpy as np


def softmax_loss_naive(W, X, y, reg):
    loss = 0.0
    dW = np.zeros_like(W)
    for i in range(X.shape[0]):
        scores = X[i].dot(W)
        scores -= np.max(scores)
        p = np.exp(scores)
        p /= p.sum()
        loss -= np.log(p)[y[i]]
    loss = loss / X.shape[0] + reg * np.sum(W * W)
    ############################################
    # TODO: compute the gradient, store it dW. #
    ############################################

    return loss, dW
