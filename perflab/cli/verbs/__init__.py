"""One file a verb: `add` adds its arguments, its action gives an exit code, `PLACE` orders the help.

A verb that loads matplotlib says `draws=True` beside its action.
"""

import argparse
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
