"""More than two results side by side, each compared with the first; the page needs no script or network."""

import json
import shutil

import pytest
from conftest import one_line, perflab
from test_compare import BOTH, CELL, EVIL, FAILURE, HERE, NAIVE, compared, foreign, rounds, saved
from test_report import Page

from perflab.contract import PerflabError
from perflab.report.across import compare_page, markdown, several, sides, wording

JIT = ("conv2d", "jit")


UNFIT = {"kind": "fitness", "state": "unfit", "reasons": ["time was stolen"]}


@pytest.fixture
def three(tmp_path):
    """In the second conv2d/jit takes 20 % longer, in the third 20 % less, and naive was found wrong."""
    wrong = FAILURE | {"technique": "naive"}
    return (
        saved(tmp_path / "base", BOTH, seed=1, environment=HERE | {"commit": "aaa"}),
        saved(tmp_path / "slow", BOTH | {JIT: 0.0024}, seed=2, environment=HERE | {"commit": "bbb"}),
        saved(tmp_path / "fast", BOTH | {JIT: 0.0016}, seed=3, more=[wrong], environment=HERE),
    )


def compared_all(paths, **chosen):
    base, *news = map(sides.read, paths)
    return several.compare_all(base, news, **chosen)


def test_every_result_is_compared_with_the_first_as_two_would_be(three):
    comparison = compared_all(three)
    assert comparison.names == ["base", "slow", "fast"]
    for pair, path in zip(comparison.pairs, three[1:], strict=True):
        alone = compared(three[0], path)
        assert [(c.name, c.ratio) for c in pair.changes] == [(c.name, c.ratio) for c in alone.changes]
    rows = {row.name: row for row in comparison.rows()}
    assert [change.ratio.verdict for change in rows[CELL].changes] == ["SLOWER", "FASTER"]
    assert rows[CELL].verdict == "SLOWER"
    assert rows[NAIVE].changes[1] is None
    assert comparison.why_not(rows[NAIVE], 1) == "wrong"


def test_what_is_slower_stands_first_then_what_is_faster_the_most_first(tmp_path):
    names = ("naive", "per_neuron", "vectorized", "jit", "simd")
    times = {("conv2d", name): 0.001 for name in names}
    changed = dict(zip(times, (0.001, 0.0015, 0.0005, 0.0011, 0.0008), strict=True))
    base = saved(tmp_path / "base", times, noise=0.0005)
    same = saved(tmp_path / "same", times, noise=0.0005, seed=4)
    new = saved(tmp_path / "new", changed, noise=0.0005, seed=5)
    rows = compared_all((base, same, new)).rows()
    assert [row.name.split("/")[1] for row in rows] == ["per_neuron", "jit", "vectorized", "simd", "naive"]
    assert [row.verdict for row in rows] == ["SLOWER", "SLOWER", "FASTER", "FASTER", "SAME"]
    text = perflab("compare", base, same, new).stdout
    assert text.index("per_neuron/tiny") < text.index("jit/tiny") < text.index("vectorized/tiny")
    assert "conv2d/naive/tiny" not in text
    assert "conv2d/naive/tiny" in perflab("compare", base, same, new, "--all").stdout


def test_the_environments_stand_on_top_a_column_each(three, tmp_path):
    other = saved(tmp_path / "other", BOTH, environment=HERE | {"commit": "ccc", "numpy": "2.3.0"})
    line = one_line(perflab("compare", *three, other), 2)
    assert "other: cannot be compared: numpy: '2.4.6' against '2.3.0'; --anyway compares them" in line
    comparison = compared_all((*three, other), anyway=True)
    table = several.environments(comparison)
    assert table.head == ("what", "base", "slow", "fast", "other", "must be equal")
    assert table.rows == (
        ("numpy", "2.4.6", "2.4.6", "2.4.6", "2.3.0", "yes"),
        ("commit", "aaa", "bbb", "not recorded", "ccc", "no"),
    )
    done = perflab("compare", *three, other, "--anyway", "--markdown", tmp_path / "a.md")
    assert done.returncode == 0
    for text in (
        done.stdout,
        (tmp_path / "a.md").read_text(),
        "".join(Page(compare_page.html(comparison)).text),
    ):
        assert "compared although the environments differ" in text
        assert text.index("2.3.0") < text.index("conv2d/jit")
        assert "bbb" in text


def test_no_difference_is_no_table(tmp_path):
    paths = [saved(tmp_path / name, BOTH, seed=seed) for seed, name in enumerate("abc")]
    assert several.environments(compared_all(paths)) is None
    assert "No difference between the environments is recorded." in compare_page.html(compared_all(paths))


@pytest.mark.parametrize(
    ("order", "words", "code"),
    [
        ((0, 1, 2), [], 0),
        ((0, 1, 2), ["5%"], 1),
        ((0, 2, 1), ["5%"], 1),
        ((0, 2, 2), ["5%"], 0),
        ((0, 1, 2), ["30%"], 0),
        ((0, 1, 2), ["5%", "conv2d=30%"], 0),
        ((0, 1, 2), ["max_pool2d=5%"], 2),
        ((1, 0, 2), ["5%"], 0),
    ],
)
def test_any_result_that_is_slower_than_allowed_fails(three, order, words, code):
    paths = [three[position] for position in order]
    options = ["--fail-if-slower", *words] if words else []
    done = perflab("compare", *paths, *options)
    assert done.returncode == code, done.stderr
    assert (f"slow: slower than allowed: {CELL}" in done.stdout) == (code == 1)


def test_a_threshold_may_be_of_an_operation_that_one_result_lacks(three, tmp_path):
    pooled = BOTH | {("max_pool2d", "jit"): 0.001}
    base = saved(tmp_path / "pooled", pooled, seed=7)
    slow = saved(tmp_path / "pooled-slow", pooled | {("max_pool2d", "jit"): 0.002}, seed=8)
    done = perflab("compare", base, three[0], slow, "--fail-if-slower", "max_pool2d=5%")
    assert done.returncode == 1
    assert "pooled-slow: slower than allowed: max_pool2d/jit/" in done.stdout


def test_an_unfit_machine_is_told_and_a_slow_down_elsewhere_still_fails(three, tmp_path):
    unfit = saved(tmp_path / "unfit", BOTH, more=[UNFIT])
    done = perflab("compare", three[0], unfit, three[2], "--fail-if-slower", "5%")
    assert done.returncode == 3
    assert done.stdout.startswith("unfit to measure: unfit: time was stolen")
    assert perflab("compare", three[0], unfit, three[1], "--fail-if-slower", "5%").returncode == 1
    assert perflab("compare", three[0], unfit, three[1]).returncode == 0


def test_options_may_stand_between_any_of_them(three):
    a, b, c = map(str, three)
    for words in (
        ["--fail-if-slower", "5%", a, b, c],
        [a, "--fail-if-slower", "5%", b, c],
        [a, b, "--json", c, "--fail-if-slower", "conv2d=5%", "7%"],
        [a, "--json", b, "--fail-if-slower", "5%", c],
    ):
        done = perflab("compare", *words)
        assert done.returncode == 1, (words, done.stderr)


def test_runs_and_files_of_pytest_benchmark_meet(three, tmp_path):
    own = {CELL: rounds(0.002, 12, 5), NAIVE: rounds(0.1, 12, 6)}
    names = "bench/test_grid.py::test_block[{}]"
    files = [
        foreign(tmp_path / f"{name}.json", own | {CELL: rounds(seconds, 12, 7)}, names=names, info=HERE)
        for name, seconds in (("even", 0.002), ("slower", 0.003))
    ]
    comparison = compared_all((three[0], *files))
    assert comparison.names == ["base", "even.json", "slower.json"]
    (row,) = [row for row in comparison.rows() if row.name == CELL]
    assert [change.ratio.verdict for change in row.changes] != ["SLOWER", "SLOWER"]
    assert row.changes[1].ratio.verdict == "SLOWER"
    others = [foreign(tmp_path / f"{n}.json", {"x": rounds(0.001 * n, 40, n)}) for n in (1, 2, 3)]
    done = perflab("compare", *others, "--fail-if-slower", "test_sum=5%", "--json")
    assert done.returncode == 1
    verdicts = [new["changes"][0]["verdict"] for new in json.loads(done.stdout)["news"]]
    assert verdicts == ["SLOWER", "SLOWER"]


def test_results_of_one_name_are_told_by_their_paths(tmp_path):
    paths = [saved(tmp_path / name / "run", BOTH, seed=n) for n, name in enumerate("abc")]
    assert compared_all(paths).names == [str(path) for path in paths]
    assert compared_all([path / "records.jsonl" for path in three_names(tmp_path)]).names == ["x", "y", "z"]


def three_names(folder):
    return [saved(folder / name, BOTH, seed=n) for n, name in enumerate("xyz")]


def test_strict_json_of_more_than_two_holds_every_ratio(three):
    done = perflab("compare", *three, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(name))
    assert next(iter(document)) == "banner"
    assert document["base"]["path"] == str(three[0])
    assert [new["path"] for new in document["news"]] == [str(path) for path in three[1:]]
    assert [new["counts"] for new in document["news"]] == [pair.counts for pair in compared_all(three).pairs]
    for new, path in zip(document["news"], three[1:], strict=True):
        alone = json.loads(perflab("compare", three[0], path, "--json").stdout)
        assert new["changes"] == alone["changes"]
        assert new["missing"] == alone["missing"]
    assert document["environments"][0]["base"] == "aaa"


def test_markdown_has_a_column_a_result_with_its_time_ratio_and_verdict(three):
    printed = perflab("compare", *three, "--markdown", "-").stdout
    assert printed.strip() == markdown.markdown(compared_all(three)).strip()
    (row,) = [line for line in printed.splitlines() if line.startswith(f"| {CELL} ")]
    (pairs,) = [row for row in compared_all(three).rows() if row.name == CELL]
    for change, cell in zip(pairs.changes, row.strip("| ").split(" | ")[2:], strict=True):
        assert cell == f"{wording.seconds(change.new)}, {wording.interval(change)} {change.ratio.verdict}"


MISTAKES = {
    "one that is missing": (["a", "b", "c"], "a: no such file or folder"),
    "the last one missing": ([".", ".", "."], "no run here"),
    "two outputs on one stream": (["a", "b", "c", "--json", "--markdown", "-"], "wanted a FILE"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_one_line_and_exit_code_2(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, message = MISTAKES[name]
    assert message in one_line(perflab("compare", *words), 2)


def test_one_result_without_a_common_cell_is_named(three, tmp_path):
    other = foreign(tmp_path / "other.json", {"1": [1.0]})
    with pytest.raises(PerflabError, match=r"other\.json: no cell was measured on both sides"):
        compared_all((*three, other))


# ------------------------------------------------------------------------------------------------- the page


def many(folder):
    """Two runs against a base, with every kind of verdict and text that would be a script."""
    names = ("naive", "per_neuron", "vectorized", "jit", "simd")
    times = {("conv2d", name): 0.001 for name in names}
    slow = times | {("conv2d", "jit"): 0.0013, ("conv2d", "per_neuron"): 0.0007}
    other = HERE | {"cpu": EVIL, "commit": "ccc"}
    return compared_all(
        (
            saved(folder / "monday", times, noise=0.001),
            saved(folder / "tuesday", slow, noise=0.001, seed=1, more=[FAILURE | {"technique": "simd"}]),
            saved(folder / f"<i>{'long' * 12}", times, noise=0.05, seed=2, environment=other),
        ),
        anyway=True,
        allowed={"": 0.05},
    )


def test_the_page_is_whole_and_text_stays_text(tmp_path):
    comparison = many(tmp_path)
    text = compare_page.html(comparison)
    page = Page(text)
    assert page.open == []
    assert not {"i", "img"} & set(page.tags)
    assert page.tags.count("script") == 3  # the page's own: each of its parts once
    assert [link for link in page.asked if not link.startswith("#")] == ["data:,"]
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.asked if link.startswith("#")} <= set(page.ids)
    assert EVIL.split("\x1b")[0] in "".join(page.text)
    for row in comparison.rows():
        assert compare_page.anchors(comparison.rows())[row.name] in page.ids
        assert row.name in "".join(page.text)
        for change in row.known:
            assert wording.interval(change) in text


def test_anchors_are_permanent_and_no_two_alike():
    rows = [several.Row(name, ()) for name in ("a/b", "a b", "a-b", EVIL)]
    assert list(compare_page.anchors(rows).values())[:3] == ["cell-a-b", "cell-a-b--1", "cell-a-b--2"]
    assert compare_page.anchors(rows[:1]) == {"a/b": "cell-a-b"}


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright: the page was not looked at"
    )
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no browser: the page was not looked at")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_serves_every_reader_without_a_script(browser, tmp_path, scheme, width):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="no axe: contrast was not checked"
    )
    path = tmp_path / "compare.html"
    path.write_text(compare_page.html(many(tmp_path)), "utf-8")
    messages, asked = [], []
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    page = context.new_page()
    page.on("console", lambda message: messages.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for summary in page.locator("summary").all():  # by keyboard alone
        summary.focus()
        page.keyboard.press("Enter")
    assert page.locator("details:not([open])").count() == 0
    violations = axe.Axe().run(page).response["violations"]
    assert [(v["id"], [node["html"] for node in v["nodes"]][:3]) for v in violations] == []
    context.close()
    assert messages == []
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
