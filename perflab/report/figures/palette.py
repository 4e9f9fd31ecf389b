"""The figures' colours: names, with a light and a dark value each.

Two sets tell series apart. The eight of `SERIES` are for what has no order, such as layers or directions. The
rungs of a ladder have the hue of their branch, and from its foot to its top seven shades of it: `BRANCHES`.
All have a contrast of 3:1 with the page, in both modes. The eight differ also for colour-blind readers
(deuteranopia, protanopia), as do neighbouring shades, and the two hues that almost every ladder has;
tests/report/test_palette.py checks this. Figures are drawn with the light values; in a page the names become
CSS custom properties.
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

# Steps of equal lightness in OKLCH, the hue turning a little with them; light values, then dark ones.
SHADES = {
    "numpy": (
        "#b78500 #a87102 #985e02 #864c03 #753a01 #632901 #511900",
        "#a47807 #c18200 #df8c06 #f99830 #feb079 #fec9ad #fee1d6",
    ),
    "compiled": (
        "#069fbe #018ab2 #0375a5 #046199 #014b91 #042f93 #191380",
        "#0b8faa #039fcc #05aef3 #66bafe #9cc8fe #c1d7fe #e0e7fe",
    ),
    "further": (
        "#27a86d #109559 #058246 #016f35 #015d26 #004b17 #003909",
        "#02985f #32a96b #4eba78 #66cc85 #7ddd92 #94ef9f #b1ffb3",
    ),
    "last": (
        "#a072e6 #9060d1 #804dbd #713ba9 #612795 #521081 #420168",
        "#9163d5 #a373e7 #b684f9 #c69aff #d3b2fe #e1caff #efe1ff",
    ),
    "own": (
        "#e942a2 #d62a8c #c20077 #a60262 #8c004e #72003c #59002b",
        "#d72f92 #ed449f #ff5bac #ff84b8 #ffa5c5 #ffc3d5 #ffdee7",
    ),
    "peers": (
        "#91963f #7e842d #6c7318 #5b6204 #4a5202 #3a4201 #2b3200",
        "#82862f #919842 #a1a954 #b0bb66 #c0cd78 #d0e08b #e1f29d",
    ),
}
COLOURS |= {
    f"c-{hue}{number}": pair
    for hue, (light, dark) in SHADES.items()
    for number, pair in enumerate(zip(light.split(), dark.split(), strict=True), 1)
}
BRANCHES = {"root": SERIES[:1]} | {hue: tuple(light.split()) for hue, (light, _) in SHADES.items()}
