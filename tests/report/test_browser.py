"""The page in a real browser: it shows what the records say, at once, to every reader, and asks nothing.

Skipped where there is no Chromium; Playwright (of the extra `dev`) drives the one that is installed and
downloads none.
"""

import csv
import io
import json
import re
import shutil

import pytest

from perflab import records, report
from perflab.contract import FIRST_RUNGS, Cell
from perflab.report import page as pages
from perflab.report import winners, words

pytestmark = pytest.mark.slow
playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: the page was not looked at")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if BROWSER is None:
    pytest.skip("no browser: the page was not looked at", allow_module_level=True)

EVIL = "<script>alert(1)</script></script><!--<script>|`\"'&amp;\u2028 %41#"
SHOWN = EVIL.replace("\u2028", "\\u2028")  # what is no letter is shown as its escape
OVERLAPS = """
svg => {
  const boxes = [...svg.querySelectorAll("text")].filter(t => t.textContent.trim())
    .map(t => [t.textContent, t.getBoundingClientRect()]).filter(([, b]) => b.width && b.height);
  const sheet = svg.getBoundingClientRect(), found = [];
  boxes.forEach(([name, a], i) => {
    if (a.left < sheet.left - 2 || a.right > sheet.right + 2) found.push([name, "cut off"]);
    boxes.slice(i + 1).forEach(([other, b]) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1.5 && down > 0.3 * Math.min(a.height, b.height)) found.push([name, other]);
    });
  });
  return found;
}
"""


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        held = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield held
        held.close()


@pytest.fixture(scope="module")
def made(small_run, tmp_path_factory):
    """The small run with every kind of record that a page shows: (folder, summary)."""
    folder = tmp_path_factory.mktemp("browser") / "run"
    shutil.copytree(small_run, folder)
    return folder, _written(folder)


@pytest.fixture(scope="module")
def hostile(small_run, tmp_path_factory):
    """The small run with a text in every name that would be a script if it were not a text."""
    folder = tmp_path_factory.mktemp("browser") / "hostile"
    folder.mkdir()
    text = (small_run / "records.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        for field, name in (("technique", "jit"), ("case", "tiny")):
            if line.get(field) == name:
                line[field] = EVIL
    head = lines[0]
    plan, operations = head["plan"], head["operations"]
    for op in plan["techniques"]:
        plan["techniques"][op] = [EVIL if t == "jit" else t for t in plan["techniques"][op]]
        plan["cases"][op] = [EVIL]
        operations[op]["cases"] = {EVIL: operations[op]["cases"]["tiny"]}
        operations[op] |= {"title": EVIL, "summary": EVIL}
    plan["outside"] = {f"max_pool2d/{EVIL}": "/nowhere"}
    who = {"operation": "max_pool2d", "case": EVIL, "dtype": "float32", "threads": 1, "process": 0}
    lines.append({"kind": "failure", **who, "technique": "naive", "reason": EVIL})
    (folder / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "environment.json").write_text(json.dumps({"cpu": EVIL, "commit": EVIL, "blas": EVIL}))
    return folder, _written(folder)


def _written(folder):
    run = records.read(folder)
    summary = report.summarise(run)
    report.write(run, summary)
    return summary


class Opened:
    """A page, and what it said and asked for."""

    def __init__(self, browser, folder, fragment="", **options):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
        self.page = self.context.new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.url = (folder / "report.html").as_uri()
        self.page.goto(self.url + fragment)

    def __enter__(self):
        return self.page

    def __exit__(self, *_):
        self.context.close()
        assert self.said == []
        assert {url.partition("#")[0] for url in self.asked if not url.startswith("data:")} == {self.url}


def open_cells(page):
    page.evaluate("document.getElementById('every-cell').open = true")


def open_all(page):
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")


def texts(page, selector):
    return page.eval_on_selector_all(selector, "found => found.map(one => one.textContent.trim())")


def shown(page):
    """The anchors of the rows in the table of all cells."""
    return page.eval_on_selector_all("#table-cells tbody tr[id]", "rows => rows.map(row => row.id)")


def figure(summary, anchor):
    return next(f for cell, f in summary.figures.items() if pages.anchor(cell) == anchor)


def column(page, name):
    """The words of one column of the table of all cells, row by row."""
    at = texts(page, "#table-cells thead tr:first-child > *").index(name)
    return page.eval_on_selector_all(
        "#table-cells tbody tr[id]", f"rows => rows.map(row => row.cells[{at}].textContent.trim())"
    )


def test_the_page_is_ready_at_once_says_nothing_and_asks_for_nothing(browser, made):
    with Opened(browser, made[0]) as page:
        assert page.evaluate("document.readyState") == "complete"
        assert page.evaluate("document.querySelectorAll('link[rel=stylesheet], img, iframe').length") == 0
        assert texts(page, "h1")[0].startswith("perflab")


def test_the_first_screen_says_where_how_far_and_who_is_fastest_and_why(browser, made):
    folder, summary = made
    with Opened(browser, folder) as page:
        assert page.evaluate("document.querySelector('#winners table').getBoundingClientRect().bottom") <= 800
        text = page.inner_text("header") + page.inner_text("#winners")
        for word in (
            summary.run.environment["cpu"],
            summary.run.environment["numpy"],
            "Verified or no number",
        ):
            assert word in text
        assert "16 of 16 cells measured" in text
        for winner in winners.winners(summary):
            for word in (winner.title, winner.technique, winner.time, winner.gains[0].over, winner.reason):
                assert word in text
        assert {chip.technique for row in pages.Grid(summary).rows(pages.Grid(summary).start)
                for chip in row.chips} == set(texts(page, ".chip .name"))  # fmt: skip


SECTIONS = ["winners", "grid", "fully_connected", "max_pool2d", "verification", "method", "cells"]
BEYOND = """
() => [...document.querySelectorAll("main .wide, main .sides, main .formula, main pre")].filter(
  one => one.offsetParent && one.scrollWidth > one.clientWidth + 1
).map(one => one.getAttribute("aria-label") || one.className)
"""


def test_the_page_tells_its_story_in_order_on_few_screens_and_sheets(browser, made):
    folder, _ = made
    assert (folder / "report.html").stat().st_size < 450_000
    with Opened(browser, folder) as page:
        page.add_style_tag(content="main > section { content-visibility: visible !important }")
        assert page.eval_on_selector_all("main > section", "all => all.map(one => one.id)") == SECTIONS
        assert page.evaluate("document.documentElement.scrollHeight") <= 9 * 800
        first = page.evaluate("document.querySelector('figure').getBoundingClientRect().top")
        assert first < 2 * 800, "a figure on the second screen at the latest"
        order = "all => all.map(one => one.id || one.tagName + ' ' + one.className)"
        parts = page.eval_on_selector_all("#max_pool2d > *", order)
        assert parts[2].startswith("DIV figures")
        assert parts[-1] == "study-max_pool2d"
        assert page.eval_on_selector_all("details[open]", "all => all.length") == 0
        sheets = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))
        assert 1 < len(sheets) <= 12


def test_nothing_is_clipped_at_1280(browser, made):
    with Opened(browser, made[0]) as page:
        page.add_style_tag(content="main > section { content-visibility: visible !important }")
        open_all(page)
        beyond = page.evaluate(BEYOND)
        assert [name for name in beyond if not name.endswith(".py")] == [], "a long line of code may scroll"
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 1280


def test_the_script_shows_what_stands_in_the_file(browser, made):
    with Opened(browser, made[0]) as page, Opened(browser, made[0], java_script_enabled=False) as plain:
        page.select_option("#view-direction", "forward")
        page.select_option("#view-direction", pages.Grid(made[1]).start.direction)
        without = plain.locator("#ladders").inner_text().split()
        assert page.inner_text("#ladders").split() == without
        assert not plain.is_visible(".controls")
        assert not plain.is_visible("#cells")
        plain.click("#max_pool2d details.times summary")
        assert plain.is_visible("#cell-max_pool2d-jit-tiny-float32-forward-t1")


@pytest.mark.slow
def test_a_filter_leaves_the_rows_that_the_records_hold(browser, made):
    folder, summary = made
    with Opened(browser, folder) as page:
        open_cells(page)
        assert len(shown(page)) == 16
        page.select_option("#only-operation", "max_pool2d")
        page.select_option("#only-direction", "backward")
        wanted = {pages.anchor(f.cell) for f in summary.of(operation="max_pool2d", direction="backward")}
        assert set(shown(page)) == wanted
        assert page.inner_text("#counted") == "4 rows shown, of 16 cells"
        page.select_option("#only-technique", "jit")
        assert shown(page) == ["cell-max_pool2d-jit-tiny-float32-backward-t1"]
        page.click("#clear")
        assert len(shown(page)) == 16
        bound = sorted(f.median_s for f in summary.figures.values())[7]
        page.fill("#only-time", f"< {bound * 1e6 * 1.0001:.6f} µs")
        fast = {pages.anchor(c) for c, f in summary.figures.items() if f.median_s < bound * 1.0001}
        assert set(shown(page)) == fast
        page.fill("#only-time", "soon")
        assert page.get_attribute("#only-time", "aria-invalid") == "true"
        assert len(shown(page)) == 16


@pytest.mark.parametrize("baseline", FIRST_RUNGS)
def test_the_baseline_changes_every_ratio_to_the_records_own(browser, made, baseline):
    folder, summary = made
    with Opened(browser, folder) as page:
        page.select_option("#view-baseline", baseline)
        assert page.inner_text("#grid-baseline") == baseline
        rows = zip(shown(page), column(page, "speed-up"), column(page, "verdict"), strict=True)
        for anchor, ratio, verdict in rows:
            cell = figure(summary, anchor).cell
            fields = {k: getattr(cell, k) for k in ("operation", "case", "dtype", "threads", "direction")}
            held = summary.ratio(Cell(technique=baseline, **fields), cell)
            if cell.technique == baseline:
                assert (ratio, verdict) == ("", "baseline")
            else:
                assert ratio == words.interval(held)
                assert verdict.endswith(held.verdict.lower())
        chips = page.eval_on_selector_all(
            ".chip", "all => all.map(a => [a.hash.slice(1), a.querySelector('.value').firstChild.data.trim(),"
            " a.querySelector('.interval').textContent])",
        )  # fmt: skip
        for anchor, value, interval in chips:
            cell = figure(summary, anchor).cell
            fields = {k: getattr(cell, k) for k in ("operation", "case", "dtype", "threads", "direction")}
            held = summary.ratio(Cell(technique=baseline, **fields), cell)
            wanted = "baseline" if cell.technique == baseline else words.interval(held)
            assert " ".join(filter(None, [value, interval])) == wanted


@pytest.mark.slow
def test_a_heading_sorts_and_says_so(browser, made):
    folder, summary = made
    with Opened(browser, folder) as page:
        open_cells(page)
        for presses, order in ((1, "ascending"), (2, "descending")):
            page.click("#table-cells th[data-column=time] button")
            times = [figure(summary, anchor).median_s for anchor in shown(page)]
            assert times == sorted(times, reverse=presses == 2)
            assert page.get_attribute("th[data-column=time]", "aria-sort") == order
        page.click("#table-cells th[data-column=technique] button")
        assert page.get_attribute("th[data-column=time]", "aria-sort") is None
        assert column(page, "technique") == [t for t in FIRST_RUNGS for _ in range(4)]


@pytest.mark.slow
def test_everything_works_from_the_keyboard(browser, made):
    with Opened(browser, made[0]) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        seen = []
        for _ in range(80):
            page.keyboard.press("Tab")
            seen.append(page.evaluate("document.activeElement.id"))
            if seen[-1] == "view-baseline":
                break
        assert seen[-1] == "view-baseline"
        page.keyboard.type("vec")
        assert page.inner_text("#grid-baseline") == "vectorized"
        page.focus("#every-cell > summary")
        page.keyboard.press("Enter")
        page.focus("th[data-column=time] button")
        page.keyboard.press("Enter")
        assert page.get_attribute("th[data-column=time]", "aria-sort") == "ascending"
        page.focus("#table-cells tbody button")
        page.keyboard.press("Space")
        assert page.is_visible(".spread svg")
        page.keyboard.press("Space")
        assert page.locator(".spread").count() == 0
        page.focus("#theme")
        page.keyboard.press("Enter")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.slow
def test_a_fragment_brings_a_view_back(browser, made):
    folder, _ = made
    with Opened(browser, folder) as page:
        open_cells(page)
        page.select_option("#view-baseline", "jit")
        page.select_option("#view-direction", "forward")
        page.select_option("#only-operation", "max_pool2d")
        page.click("#table-cells th[data-column=gflops] button")
        fragment, rows, chips = page.evaluate("location.hash"), shown(page), page.inner_text("#ladders")
    with Opened(browser, folder, fragment) as page:
        assert page.evaluate("location.hash") == fragment
        assert shown(page) == rows
        assert len(rows) == 4 * 2
        assert page.inner_text("#ladders") == chips
        assert page.input_value("#view-baseline") == "jit"
        assert page.input_value("#only-operation") == "max_pool2d"
    with Opened(browser, folder, "#baseline=nobody&only.operation=x&sort=-y&%E0%A4%A") as page:
        assert page.inner_text("#grid-baseline") == "naive"


@pytest.mark.slow
def test_an_anchor_shows_its_cell_past_any_filter_with_all_its_samples(browser, made):
    folder, summary = made
    anchor = "cell-max_pool2d-jit-tiny-float32-backward-t1"
    with Opened(browser, folder, f"#{anchor}") as page:
        assert page.locator(f"#{anchor}").is_visible()
        assert page.evaluate("document.querySelectorAll('[id]').length") == page.evaluate(
            "new Set([...document.querySelectorAll('[id]')].map(one => one.id)).size"
        )
        held = figure(summary, anchor)
        assert page.locator(".spread .dot").count() == held.samples
        assert page.locator(".spread .turn").count() == held.blocks
        told = page.get_attribute(".spread svg", "aria-label")
        assert told.startswith(f"{held.samples} samples in {held.blocks} turns: median {words.time(held)}")
        page.select_option("#only-operation", "fully_connected")
        page.evaluate("location.hash = '#cell-max_pool2d-naive-tiny-float32-forward-t1'")
        page.wait_for_selector("#cell-max_pool2d-naive-tiny-float32-forward-t1.aimed")


@pytest.mark.slow
def test_tables_can_be_taken_away_from_the_page_alone(browser, made, tmp_path):
    folder, summary = made
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(folder / "report.html", alone)
    with Opened(browser, alone) as page:
        open_cells(page)
        with page.expect_download() as taken:
            page.click("#table-rungs-max_pool2d-t1 >> text=CSV")
        name = taken.value.suggested_filename
        assert name == "rungs-max_pool2d-t1.csv"
        assert taken.value.path().read_bytes() == (folder / "tables" / name).read_bytes()
        page.select_option("#only-technique", "jit")
        with page.expect_download() as taken:
            page.click("#cells >> text=CSV")
        rows = list(csv.reader(io.StringIO(taken.value.path().read_text("utf-8"))))
        assert len(rows) == 1 + len(list(summary.of(technique="jit")))
        with page.expect_download() as taken:
            page.click("#cells >> text=Markdown")
        assert taken.value.path().read_text("utf-8").splitlines()[1].startswith("| --- |")


@pytest.mark.slow
def test_mathematics_is_drawn(browser, made):
    with Opened(browser, made[0]) as page:
        open_all(page)
        boxes = page.eval_on_selector_all(
            "math", "all => all.map(one => one.getBoundingClientRect()).map(b => [b.width, b.height])"
        )
        assert len(boxes) > 10
        assert all(width > 1 and height > 1 for width, height in boxes)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, made, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with Opened(browser, made[0], color_scheme=scheme) as page:
        open_cells(page)
        page.add_style_tag(content="main > section { content-visibility: visible !important }")
        page.click("#table-cells tbody button >> nth=1")
        open_all(page)
        # It does not read MathML, so that a heading of a table that is a formula is empty to it.
        found = axe.Axe().run(page, options={"rules": {"empty-table-header": {"enabled": False}}})
        found = found.response["violations"]
        assert [(v["id"], v["nodes"][0]["html"][:200], v["nodes"][0]["failureSummary"]) for v in found] == []


@pytest.mark.slow
def test_the_theme_is_the_readers_choice(browser, made):
    with Opened(browser, made[0], color_scheme="light") as page:
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.click("#theme")
        dark = page.evaluate(ground)
        assert dark != light
        page.click("#theme")
        assert page.evaluate(ground) == light
        page.emulate_media(color_scheme="dark")
        assert page.evaluate(ground) == light, "what the reader chose holds"


def test_four_hundred_pixels_are_enough(browser, made, hostile):
    for folder, _ in (made, hostile):
        with Opened(browser, folder, viewport={"width": 400, "height": 800}) as page:
            page.add_style_tag(content="main > section { content-visibility: visible !important }")
            open_all(page)
            page.click("#table-cells tbody button >> nth=0")
            assert page.evaluate("document.scrollingElement.scrollWidth") <= 400
            cut = page.eval_on_selector_all(
                "main table td, main table th, .chip *, .step", "all => all.filter(one => one.offsetParent &&"
                " one.getBoundingClientRect().right > 401).map(one => one.textContent)",
            )  # fmt: skip
            assert cut == [], "times and speed-ups are seen without scrolling sideways"


@pytest.mark.slow
def test_no_text_overlaps_in_any_figure(browser, made):
    with Opened(browser, made[0]) as page:
        page.add_style_tag(content="main > section { content-visibility: visible !important }")
        drawings = page.locator("figure svg")
        assert drawings.count() >= 3
        for at in range(drawings.count()):
            assert drawings.nth(at).evaluate(OVERLAPS) == []


@pytest.mark.slow
def test_the_page_prints_whole_and_without_controls(browser, made):
    with Opened(browser, made[0], color_scheme="dark", viewport={"width": 720, "height": 1000}) as page:
        page.emulate_media(media="print")
        assert not page.is_visible(".controls")
        assert not page.is_visible("nav")
        assert not page.is_visible("#theme")
        assert page.is_visible("#ladders")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.is_visible("#max_pool2d details.times table")
        assert not page.is_visible("#every-cell")
        widest = page.eval_on_selector_all("main table", "all => Math.max(...all.map(t => t.offsetWidth))")
        assert widest <= 720
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details.times[open]").count() == 0
        assert page.pdf().startswith(b"%PDF")


def test_what_looks_like_a_script_stays_text(browser, hostile):
    folder, summary = hostile
    with Opened(browser, folder) as page:
        open_cells(page)
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        assert page.evaluate("document.scripts.length") == 3
        assert SHOWN in page.inner_text("#findings")
        assert SHOWN in " ".join(texts(page, "#table-cells tbody td"))
        page.select_option("#view-baseline", SHOWN)
        assert page.inner_text("#grid-baseline") == SHOWN
        fragment = page.evaluate("location.hash")
        anchors = shown(page)
        assert len(anchors) == len(summary.figures)
    with Opened(browser, folder, fragment) as page:
        assert page.inner_text("#grid-baseline") == SHOWN
        assert all(page.locator(f"[id='{anchor}']").count() == 1 for anchor in anchors)
