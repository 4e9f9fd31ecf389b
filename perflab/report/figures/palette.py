"""The figures' colours: names, with a light and a dark value each.

The eight colours of the series differ also for colour-blind readers (deuteranopia, protanopia) in both modes,
and have a contrast of 3:1 with the page; tests/report/test_figures.py checks both. Figures are drawn with the
light values; in a page the names become CSS custom properties.
"""

from __future__ import annotations

COLOURS: dict[str, tuple[str, str]] = {
    "c1": ("#626464", "#b1adae"),  # grey: the baseline
    "c2": ("#d47d03", "#fba92e"),  # orange
    "c3": ("#0968a6", "#2490dc"),  # blue
    "c4": ("#189f72", "#59ca8c"),  # green
    "c5": ("#c876a3", "#c480b9"),  # pink
    "c6": ("#a1813b", "#9f8a0f"),  # ochre
    "c7": ("#3b98db", "#88c9ff"),  # sky
    "c8": ("#9f2016", "#eb6b5b"),  # red
    "ink": ("#1c1c1c", "#e8e8e8"),  # text, axes, roofs
    "soft": ("#555555", "#b4b4b4"),  # less important text
    "line": ("#d9d9d9", "#3a3f44"),  # the grid
    "paper": ("#ffffff", "#15181b"),  # the inside of hollow marks
    "empty": ("#e6e6e6", "#2a2f34"),  # a cell of a table without a value
}
INK, SOFT, LINE, PAPER, EMPTY = (COLOURS[name][0] for name in ("ink", "soft", "line", "paper", "empty"))
SERIES = tuple(light for name, (light, _) in COLOURS.items() if name[0] == "c")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
