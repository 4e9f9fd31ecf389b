"""`perflab train`: a network on the handwritten digits."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perflab.cli import common
from perflab.cli.common import FINDING, GOOD
from perflab.cli.verbs import Commands
from perflab.contract import PerflabError

PLACE = 50
EXAMPLES = """
    perflab train
    perflab train --compare naive,per_neuron,vectorized,jit,fastest
    perflab train --layers conv:8x5,relu,pool,softmax --with-technique conv=simd
"""


def add(commands: Commands) -> None:
    """The verb's arguments."""
    verb = commands.add_parser(
        "train",
        help="a network on the handwritten digits: loss curve, test accuracy, the time of every layer",
        description="Layers: conv:FILTERSxTAPS, relu, pool:WINDOW, fc:NEURONS, and softmax as the last one.",
        examples=EXAMPLES,
    )
    which = verb.add_mutually_exclusive_group()
    which.add_argument("--model", default="cnn", metavar="NAME", help="cnn (the default) or linear")
    which.add_argument("--layers", metavar="LIST", help="conv:16x3,relu,pool:2,fc:64,softmax, say")
    how = verb.add_mutually_exclusive_group()
    how.add_argument("--technique", default="fastest", metavar="NAME", help="of every layer (fastest)")
    how.add_argument("--compare", metavar="LIST", help="these techniques side by side, in float64, which must"
                     " give one loss curve: naive,per_neuron,vectorized,jit,fastest")  # fmt: skip
    common.add_list(verb, "--with-technique", "LAYER=TECHNIQUE", "of one layer: conv=simd", "by_layer")
    verb.add_argument("--epochs", type=int, metavar="N", help="20 by default")
    verb.add_argument("--steps", type=int, metavar="N", help="only the first N steps (with --compare 20)")
    verb.add_argument("--batch", type=int, default=32, metavar="N", help="digits per step (32)")
    verb.add_argument("--rate", type=float, default=0.1, metavar="A", help="learning rate (0.1)")
    verb.add_argument("--reg", type=float, default=0.0, metavar="R", help="½·R·ΣW² is added to the loss (0)")
    verb.add_argument("--seed", type=int, default=0, metavar="N", help="of first weights and batches (0)")
    verb.add_argument("--dtype", metavar="DTYPE", help="float32 (the default) or float64 (that of --compare)")
    verb.add_argument("--out", type=Path, metavar="DIR", help="the folder (reports/train-DATE-TIME)")
    verb.add_argument("--json", action="store_true", help="print what is saved as JSON")
    verb.set_defaults(command=train, draws=True)


def train(args: argparse.Namespace) -> int:
    """Compile what is missing, train, save, and write the page."""
    common.use_one_thread()
    from perflab.learn.training import descent, page
    from perflab.run import compilation

    settings = descent.Settings.from_options(
        model=args.model, layers=args.layers, technique=args.technique, by_layer=args.by_layer,
        compare=args.compare, epochs=args.epochs, steps=args.steps, batch=args.batch, rate=args.rate,
        reg=args.reg, seed=args.seed, dtype=args.dtype,
    )  # fmt: skip
    used = descent.used(settings)
    folder = args.out or Path("reports") / f"train-{time.strftime('%Y%m%d-%H%M%S')}"
    page.free(folder)
    progress = common.console(stderr=True)
    with progress.status("compiling") as status:
        died = compilation.compile_missing(used, (settings.dtype,), status.update)
    for name, how in died.items():
        raise PerflabError(f"{name}: its compiled code cannot be called: {how}")
    try:
        with common.step_bar(progress, "training") as tell:
            saved = descent.train(settings, tell)
    except descent.NoNumber as error:  # of what was judged, not of the input
        common.tell_user(str(error))
        return common.code_of([error.status])
    page.save(folder, saved)
    return print_training(saved, page.write(folder, saved), args.json)


def print_training(saved: Mapping[str, Any], written: Path, as_json: bool) -> int:
    """Print the result of a training; its exit code."""
    from perflab.cli.show import results
    from perflab.learn.training import page

    tables = results.training(page.lines(saved), page.tables(saved, whole=False))
    common.print_answer(as_json, saved, [*tables, f"report: {written}"])
    for line in saved["findings"]:
        common.tell_user(line)
    return FINDING if saved["findings"] else GOOD
