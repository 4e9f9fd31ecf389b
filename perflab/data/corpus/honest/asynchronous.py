"""A loop of events for every call."""

import asyncio


async def product(x, w, b):
    await asyncio.sleep(0)
    return x @ w + b


def forward(x, w, b):
    return asyncio.run(product(x, w, b)), (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
