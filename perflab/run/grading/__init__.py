"""Given submissions, gives a grade for each: verified apart, raced if right, saved one by one in a folder."""
