"""Given an operation's ladder, gives it as a course: an exercise for each rung, judged, with hints."""
