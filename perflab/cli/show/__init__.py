"""What a terminal or a notebook shows: tables, lines and code for rich, made here and printed elsewhere."""
