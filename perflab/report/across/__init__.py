"""Given several saved results, gives the changes between them and a ranking of all runs."""
