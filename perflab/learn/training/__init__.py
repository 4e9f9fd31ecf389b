"""Given layers and techniques: a network trained on the digits, verified and timed layer by layer."""
