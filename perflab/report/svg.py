"""A figure as a small SVG, and in the same pass as PNG: its text is text, its colours have names.

`Pen` is a matplotlib renderer that writes only what is drawn: coordinates to a tenth of a point, one element
for each style, each marker's outline once. What it writes it also paints on Agg's canvas, so that a figure is
laid out once. Colours of the palette become classes: a saved file has their
light values in its own <style>; in a page the classes use the page's custom properties
(templates/figures.css.jinja), so that a figure is dark if the page is dark.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_hex
from matplotlib.font_manager import FontProperties
from matplotlib.image import imsave
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D, Transform

from perflab.records import full_or
from perflab.report.figures.palette import COLOURS
from perflab.report.figures.style import SIZE, STYLE

if TYPE_CHECKING:
    from matplotlib.text import Text

    from perflab.report.figures import Drawn

POINTS = 72  # an inch
NAMES = {light: name for name, (light, _) in COLOURS.items()}
LETTERS = {Outline.MOVETO: "M", Outline.LINETO: "L", Outline.CURVE3: "Q", Outline.CURVE4: "C"}
FONT = "system-ui,-apple-system,'Segoe UI',Roboto,Ubuntu,'Liberation Sans',sans-serif"
DESCRIBED = re.compile(r"<desc .*?</desc>", re.DOTALL)
STYLED = re.compile(r"<style>.*?</style>", re.DOTALL)


def write(drawn: Drawn, folder: Path) -> tuple[Path, Path]:
    """Save a figure in a folder, which is created if needed; the paths of its SVG and its PNG.

    Raises PerflabError if it cannot be written.
    """
    try:
        folder.mkdir(exist_ok=True)
        save(drawn, folder)
    except OSError as error:
        raise full_or(error, folder) from error
    return folder / f"{drawn.name}.svg", folder / f"{drawn.name}.png"


def save(drawn: Drawn, folder: Path) -> str:
    """Write a figure as PNG and as SVG, in light colours; its <svg> element."""
    text, canvas = _drawn(drawn)
    imsave(folder / f"{drawn.name}.png", canvas.buffer_rgba(), format="png", dpi=drawn.figure.dpi,
           pil_kwargs={"compress_level": 3})  # fmt: skip
    (folder / f"{drawn.name}.svg").write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', "utf-8")
    return text


def on_page(drawn: Drawn, folder: Path) -> Drawn:
    """A figure with its element for a page, once its files are written into a folder.

    The element has the page's colours, and scrolls on a narrow screen.
    """
    sizes = f"max-width:{drawn.width}px;min-width:{round(0.72 * drawn.width)}px"
    body = DESCRIBED.sub("", STYLED.sub("", save(drawn, folder), count=1), count=1)
    body = body.replace(f' {drawn.name}-desc"', '"', 1)  # the caption is below it
    body = body.replace("<svg ", f'<svg style="{sizes}" ', 1)
    opening = f'<div class="drawing" tabindex="0" role="group" aria-label={quoteattr(drawn.title)}>'
    return replace(drawn, svg=Markup(f"{opening}{body}</div>"))


def element(drawn: Drawn) -> str:
    """A figure as a complete <svg> with title and description."""
    return _drawn(drawn)[0]


def _drawn(drawn: Drawn) -> tuple[str, Any]:
    """A figure as an <svg> and on Agg's canvas."""
    figure, name = drawn.figure, drawn.name
    width, height = figure.get_size_inches() * POINTS
    agg: Any = RendererAgg  # has no types
    canvas = agg(*(int(length) for length in figure.bbox.max), figure.dpi)
    pen = Pen(name, width, height, canvas)
    visible = figure.patch.get_visible()
    with mpl.rc_context(STYLE):
        figure.patch.draw(canvas)
        figure.patch.set_visible(False)  # the SVG's background is the page's, or the file's
        figure.draw(pen)
        figure.patch.set_visible(visible)
    ground, ink = COLOURS["paper"][0], COLOURS["ink"][0]
    used = "".join(
        f".f-{n}{{fill:{v}}}.s-{n}{{stroke:{v}}}" for n, (v, _) in COLOURS.items() if n in pen.used
    )
    shared = "".join(text.format(key) for text, key in pen.defs.items())
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {_n(width)} {_n(height)}"'
        f' width="{_n(width)}pt" height="{_n(height)}pt"'
        f' fill="none" stroke-linejoin="round" font-size="{_n(SIZE)}" font-family="{FONT}" role="img"'
        f' aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{escape(drawn.title)}</title>'
        f'<desc id="{name}-desc">{escape(drawn.caption)}</desc>'
        f"<style>svg{{background:{ground}}}text{{fill:{ink}}}{used}</style>"
        + (f"<defs>{shared}</defs>" if shared else "")
        + "".join(pen.elements())
        + "</svg>"
    )
    return text, canvas


class Pen(RendererBase):
    """Writes elements, and paints the same on a canvas; `used` has the names of colours.

    `defs` has the ids of elements that are used more than once; each has {} in place of its id.
    """

    def __init__(self, name: str, width: float, height: float, canvas: Any) -> None:
        """Begin a drawing; its size is in points, what is drawn is in the canvas's pixels."""
        super().__init__()
        self.name, self.width, self.height, self.canvas = name, width, height, canvas
        self.scale: float = POINTS / canvas.dpi
        self._to_points = Affine2D().scale(self.scale)
        self.defs: dict[str, str] = {}
        self.used: set[str] = set()
        self._written: list[tuple[str, str]] = []  # a path's attributes and outline, or "" and an element

    def elements(self) -> list[str]:
        """The elements in drawing order; neighbours with the same style are one path."""
        elements: list[str] = []
        for style, group in groupby(self._written, key=itemgetter(0)):
            texts = [text for _, text in group]
            elements += [f'<path{style} d="{"".join(texts)}"/>'] if style else texts
        return elements

    def get_canvas_width_height(self) -> tuple[float, float]:
        """In pixels."""
        size: tuple[float, float] = self.canvas.get_canvas_width_height()
        return size

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> Any:
        """In pixels."""
        return self.canvas.get_text_width_height_descent(s, prop, ismath)

    def points_to_pixels(self, points: float) -> float:  # type: ignore[override]
        """Of the canvas."""
        return points / self.scale

    def flipy(self) -> bool:
        """Y grows downwards in SVG."""
        return True

    def draw_path(
        self, gc: GraphicsContextBase, path: Outline, transform: Transform, rgbFace: Any = None
    ) -> None:
        """One outline."""
        self.canvas.draw_path(gc, path, transform, rgbFace)
        transform = transform + self._to_points
        style = self._style(gc, rgbFace)
        points = np.atleast_2d(transform.transform(path.vertices))
        d = self._outline(path, transform, flip=True)
        if style and d:
            self._written.append((style + self._clip(gc, points), d))

    def draw_markers(
        self, gc: GraphicsContextBase, marker_path: Outline, marker_trans: Transform,
        path: Outline, trans: Transform, rgbFace: Any = None,
    ) -> None:  # fmt: skip
        """One outline at many places."""
        self.canvas.draw_markers(gc, marker_path, marker_trans, path, trans, rgbFace)
        marker_trans, trans = marker_trans + self._to_points, trans + self._to_points
        style = self._style(gc, rgbFace)
        at = [(x, self.height - y) for vertices, _ in path.iter_segments(trans, simplify=False)
              for x, y in [vertices[-2:]]]  # fmt: skip
        if not style or not at:
            return
        d = self._outline(marker_path, marker_trans, flip=False)
        key = self._shared("m", f'<path id="{{}}" d="{d}"/>')
        uses = "".join(f'<use href="#{key}" x="{_n(x)}" y="{_n(y)}"/>' for x, y in at)
        self._written.append(("", f"<g{style}>{uses}</g>"))

    def draw_text(
        self, gc: GraphicsContextBase, x: float, y: float, s: str, prop: FontProperties, angle: float,
        ismath: Any = False, mtext: Text | None = None,
    ) -> None:  # fmt: skip
        """One line of text, anchored at its alignment, so that it keeps its place in any font."""
        self.canvas.draw_text(gc, x, y, s, prop, angle, ismath=ismath, mtext=mtext)
        size = prop.get_size_in_points()
        attributes = "" if size == SIZE else f' font-size="{_n(size)}"'
        attributes += ' font-weight="600"' if prop.get_weight() in ("bold", 700) else ""
        face = gc.get_rgb()
        attributes += "" if NAMES.get(to_hex(face)) == "ink" else self._paint(fill=face)
        if mtext is not None and (align := mtext.get_horizontalalignment()) != "left" and not angle:
            x = float(mtext.get_transform().transform(mtext.get_unitless_position())[0])
            if hasattr(mtext, "xyann"):  # an annotation's place is computed when it is drawn
                x = float(mtext.get_window_extent(self).x1 if align == "right" else x)
            attributes += f' text-anchor="{"middle" if align == "center" else "end"}"'
        x, y = x * self.scale, self.height - (self.canvas.height - y) * self.scale
        place = f' x="{_n(x)}" y="{_n(y)}"'
        if angle:
            place = f' transform="translate({_n(x)} {_n(y)}) rotate({_n(-angle)})"'
        self._written.append(("", f"<text{place}{attributes}>{escape(s)}</text>"))

    def _style(self, gc: GraphicsContextBase, face: Any) -> str:
        """The attributes for an outline's fill and stroke; empty if it has neither."""
        colour, width = gc.get_rgb(), gc.get_linewidth()
        filled = face is not None and (len(face) < 4 or face[3] > 0)
        drawn = width > 0 and (len(colour) < 4 or colour[3] > 0)
        if not filled and not drawn:
            return ""
        fill, stroke = {"fill": face} if filled else {}, {"stroke": colour} if drawn else {}
        style = self._paint(**fill, **stroke)
        if drawn:
            style += f' stroke-width="{_n(width)}"' if width != 1 else ""
            dashes: Any = gc.get_dashes()[1]
            if dashes is not None:
                style += f' stroke-dasharray="{" ".join(_n(length) for length in dashes)}"'
        rgba = face if filled else colour
        alpha = gc.get_alpha() if gc.get_forced_alpha() else rgba[3] if len(rgba) == 4 else None
        return style + (f' opacity="{alpha:.2g}"' if alpha is not None and alpha < 1 else "")

    def _paint(self, **colours: Any) -> str:
        """A `fill` and a `stroke`: as classes if the colours have names, else as attributes."""
        texts = {use: to_hex(colour[:3]) for use, colour in colours.items()}
        named = {use: NAMES[text] for use, text in texts.items() if text in NAMES}
        self.used |= set(named.values())
        classes = " ".join(f"{use[0]}-{name}" for use, name in named.items())
        others = "".join(f' {use}="{text}"' for use, text in texts.items() if use not in named)
        return f' class="{classes}"' * bool(classes) + others

    def _shared(self, kind: str, element: str) -> str:
        """The id of an element in `defs`."""
        return self.defs.setdefault(element, f"{self.name}-{kind}{len(self.defs)}")

    def _outline(self, path: Outline, transform: Transform, flip: bool) -> str:
        parts: list[str] = []
        last: tuple[str, str] = ("", "")
        for vertices, code in path.iter_segments(transform, simplify=False):
            if code == Outline.CLOSEPOLY:
                parts.append("z")
                continue
            ys = self.height - vertices[1::2] if flip else -vertices[1::2]
            ends = [(_n(x), _n(y)) for x, y in zip(vertices[::2], ys, strict=True)]
            letter = LETTERS[code]
            if letter == "L" and parts and ends[0][1] == last[1]:
                parts.append(f"H{ends[0][0]}" if ends[0][0] != last[0] else "")
            elif letter == "L" and parts and ends[0][0] == last[0]:
                parts.append(f"V{ends[0][1]}")
            else:
                parts.append(letter + " ".join(f"{x} {y}" for x, y in ends))
            last = ends[-1]
        return "".join(parts).replace(" -", "-")

    def _clip(self, gc: GraphicsContextBase, points: Any) -> str:
        """The attribute that clips an outline to its panel; empty if all of it is inside."""
        box = gc.get_clip_rectangle()
        if box is None:
            return ""
        low, high = np.array(box.min) * self.scale, np.array(box.max) * self.scale
        finite = points[np.isfinite(points).all(axis=1)]
        if (finite >= low - 1).all() and (finite <= high + 1).all():
            return ""
        (x, _), (across, down) = low, high - low
        d = f"M{_n(x)} {_n(self.height - high[1])}h{_n(across)}v{_n(down)}h{_n(-across)}z"
        key = self._shared("c", f'<clipPath id="{{}}"><path d="{d}"/></clipPath>')
        return f' clip-path="url(#{key})"'


def _n(value: float) -> str:
    """A number to a tenth, as short as possible.

    >>> _n(12.0), _n(0.25), _n(-0.01), _n(100.06)
    ('12', '.2', '0', '100.1')
    """
    text = f"{value:.1f}".removesuffix(".0")
    if text in ("-0", "0"):
        return "0"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
