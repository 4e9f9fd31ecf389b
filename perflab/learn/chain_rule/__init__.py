"""Given an expression: its circuit, every value and derivative, checked by differences, as a page."""
