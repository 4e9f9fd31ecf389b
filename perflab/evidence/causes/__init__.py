"""Given a compiled function and its inputs: gives the changes to source or inputs that move its time."""
