"""`python -m perflab` is the same as `perflab`."""

import sys

from perflab.cli import main

sys.exit(main())
