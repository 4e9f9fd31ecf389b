"""A file of one's own: begun, watched, kept apart from its judge, and reviewed."""
