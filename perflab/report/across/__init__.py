"""Given several saved results, gives what they say of one another: changes, and a ranking of all runs."""
