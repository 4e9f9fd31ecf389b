"""A race that is judged from outside: a contestant's process makes the calls, another times and judges."""
