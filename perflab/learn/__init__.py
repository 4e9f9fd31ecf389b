"""Given operations: how they are derived and how a network is trained from them."""
