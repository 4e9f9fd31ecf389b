"""A file of the user's own: run in a process of its own, apart from its judge, and reviewed."""
