"""Given a compiled function and its inputs: which change to its source or inputs moves its time?"""
