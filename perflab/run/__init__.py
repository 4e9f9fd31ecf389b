"""Given a request, it verifies and measures; it gives verdicts and records."""
