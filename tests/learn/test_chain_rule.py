"""The chain rule by hand, as a study: its numbers, typed circuits, the drawing, the page, JSON."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from conftest import one_line, perflab
from hypothesis import given, settings
from hypothesis import strategies as st

from perflab import units
from perflab.contract import PerflabError
from perflab.learn.chain_rule import circuit as circuits
from perflab.learn.chain_rule import differences, layout, worked
from perflab.learn.chain_rule import page as pages

OWN = ["x*tanh(x*y) + max(x*w, y)/(w - 3)**2", "x=-2", "y=5", "w=1.5"]
LONG = ["a*b*c*d*a + b*(a + b*(c + d*(a + sigmoid(b))))", "a=1", "b=2", "c=3", "d=0.5"]


def by_name(circuit):
    return {step.name: step for step in circuit.steps}


# -------------------------------------------------------------------------------------- the two standard ones


def test_the_sum_times_a_number_has_the_numbers_of_the_textbook():
    circuit, _ = worked.standard()
    numbers = [(step.formula, step.value, step.gradient) for step in circuit.steps]
    assert numbers == [("x", -2, -4), ("y", 5, -4), ("q = x + y", 3, -4), ("z", -4, 3), ("f = q·z", -12, 1)]
    assert by_name(circuit)["x"].back == "(−4) × 1"
    assert [(slope.formula, slope.value) for slope in circuit.steps[-1].slopes] == [("z", -4), ("q", 3)]


def test_the_sigmoid_neuron_is_made_of_four_kinds_of_nodes_with_the_textbooks_numbers():
    _, circuit = worked.standard()
    assert [step.short for step in circuit.steps[-4:]] == ["−1·q4", "exp(q5)", "1 + q6", "1/q7"]
    numbers = [(f"{step.value:.2f}", f"{step.gradient:.2f}") for step in circuit.steps[-5:]]
    wanted = [("1.00", "0.20"), ("-1.00", "-0.20"), ("0.37", "-0.53"), ("1.37", "-0.53"), ("0.73", "1.00")]
    assert numbers == wanted
    (slope,) = circuit.steps[-1].slopes
    assert slope.formula == "−1/q7²"
    assert slope.value == pytest.approx(-1 / (1 + math.exp(-1)) ** 2)
    slopes = [[slope.formula for slope in step.slopes] for step in circuit.steps[-4:]]
    assert slopes == [["−1"], ["exp(q5)"], ["1"], ["−1/q7²"]]
    gradients = {name: round(by_name(circuit)[name].gradient, 2) for name in ("w0", "x0", "w1", "x1", "w2")}
    assert gradients == {"w0": -0.2, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.2}


@pytest.mark.parametrize("circuit", worked.standard(), ids=lambda circuit: circuit.expression)
def test_every_gradient_is_its_central_difference(circuit):
    for step in circuit.steps:
        assert step.verdict == differences.AGREES
        assert step.difference == pytest.approx(step.gradient, rel=1e-7)
    assert circuit.ok
    assert (
        circuit.check_line
        == f"{len(circuit.steps)} of {len(circuit.steps)} gradients agree with central differences."
    )


# ----------------------------------------------------------------------------------------------- the check


@pytest.mark.parametrize("name", [name for name in circuits.RULES if name not in ("max", "min")])
def test_a_wrong_local_derivative_is_reported_as_wrong(monkeypatch, name):
    rule = circuits.RULES[name]

    def slopes(out, *inputs):
        first, *others = rule.slopes(out, *inputs)
        return first * 1.01, *others

    broken = replace(rule, slopes=slopes)
    monkeypatch.setattr(circuits, "RULES", {**circuits.RULES, name: broken})
    operator = {"negative": "-x + y"}.get(name)
    if operator is None:
        is_function = name in circuits.FUNCTIONS
        operator = f"{name}(x) * y" if is_function else f"x {name} y"
    circuit = worked.work(operator, {"x": 1.5, "y": 2.5})
    assert by_name(circuit)["x"].verdict == differences.WRONG
    assert not circuit.ok
    assert circuit.check_line.startswith("WRONG: the gradient of x")


def test_a_corner_is_reported_and_corners_that_do_not_add_up_are_wrong():
    circuit = worked.work("max(x, y)*3", {"x": 2.0, "y": 2.0})
    assert {step.name: step.verdict for step in circuit.steps}["x"] == differences.CORNER
    assert circuit.ok
    assert "At a corner" in circuit.check_line
    assert by_name(worked.work("max(x, y)", {"x": 2 + 1e-5, "y": 2.0}))["x"].verdict == differences.AGREES
    assert not worked.work("max(x, 0) + min(x, 0)", {"x": 0.0}).ok, "its slope is 1, and the pass gives 2"


@pytest.mark.parametrize(
    ("expression", "x"),
    [
        ("exp(100*x)", 5.0),
        ("log(x)", 1e-8),
        ("1/x", -1e-6),
        ("x*1e12 + 1", 1e-12),
        ("sigmoid(x)", 40.0),
        ("tanh(50*x)", 0.0),
        ("x**3", 0.0),
        ("x**-2", 1e4),
        ("x - x", 7.0),
    ],
)
def test_the_step_fits_what_is_steep_flat_or_near_an_edge(expression, x):
    for step in worked.work(expression, {"x": x}).steps:
        assert step.verdict == differences.AGREES, step


# -------------------------------------------------------------------------------------------- typed circuits


def test_a_typed_circuit_is_the_standard_one(tmp_path):
    words = ["(x+y)*z", "x=-2", "y=5", "z=-4"]
    assert worked.typed(words).steps[-1].value == -12
    done = perflab("study", "chain-rule", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for text in ("q = x + y", "(−4) × 1 = −4", "by q: z = −4", "→ −12  ← 1", "5 of 5 gradients agree"):
        assert text in done.stdout
    assert not list(tmp_path.iterdir())


def test_without_an_expression_both_circuits_and_the_derivation_are_shown(tmp_path):
    done = perflab("study", "chain-rule", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for text in (
        "f = q·z",
        "f = 1/q7",
        "−0.534447",
        "13 of 13 gradients agree",
        "∂ f/∂ x = ∂ f/∂ q · ∂ q/∂ x",
    ):
        assert text in done.stdout


def test_what_is_used_twice_gets_a_sum_and_constants_are_part_of_their_node():
    circuit = worked.typed(["x*x + 2**x - (1 + 2)*x", "x=3"])
    assert by_name(circuit)["x"].back.count(" + ") == 3
    assert [step.short for step in circuit.steps[1:]] == ["x·x", "2^x", "q1 + q2", "(1+2)·x", "q3 − q4"]


def test_names_in_the_expression_are_not_reused():
    circuit = worked.typed(["(f*q1 + 1)*f", "f=2", "q1=3"])
    names = [step.name for step in circuit.steps]
    assert len(set(names)) == len(names)
    assert {"f", "q1"} < set(names)


def test_powers_are_written_as_in_a_book():
    circuit = worked.typed(["x**3 + x**-2 + x**0.5 + x**1", "x=4"])
    powers = [(step.short, step.slopes[0].formula) for step in circuit.steps if step.rule == "**"]
    assert powers == [("x³", "3·x²"), ("x⁻²", "−2·x⁻³"), ("x^0.5", "0.5·x^(−0.5)"), ("x¹", "1")]


def test_options_may_stand_anywhere_and_an_expression_may_begin_with_a_minus(tmp_path):
    done = perflab("study", "--json", "chain-rule", "x*y", "--html", "own.html", "x=1", "y=2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["circuits"][0]["value"] == 2
    assert (tmp_path / "own.html").is_file()
    assert "f = −" in perflab("study", "chain-rule", "--", "-x", "x=1", cwd=tmp_path).stdout


BAD = [
    (["x*y", "x=1"], "no value of y"),
    (["x*y", "x=1", "y=2", "q=3"], "no q in the expression"),
    (["x", "x=a"], "'a' is no number"),
    (["x", "x="], "'' is no number"),
    (["x", "x=nan"], "x: nan; wanted a finite number"),
    (["x", "x=1e999"], "x: inf; wanted a finite number"),
    (["x", "x"], "wanted NAME=NUMBER"),
    (["x", "x=1", "x=2"], "x has a value already"),
    (["x=1", "y=2"], "x=1: no expression; wanted one first"),
    (["x*(y", "x=1", "y=1"], "'(' was never closed, at character 3"),
    (["2x", "x=1"], "at character"),
    ([""], "no expression"),
    (["x^2", "x=1"], "x^2: not understood"),
    (["sqrt(x)", "x=1"], "sqrt(x): not understood"),
    (["1 + 2"], "no name in it"),
    (["y + 1/(x - 1)", "x=1", "y=2"], "1/(x - 1): / of 1, 0"),
    (["2*log(x*y)", "x=-1", "y=2"], "log(x*y): log of -2"),
    (["exp(exp(x))", "x=10"], "exp(exp(x)): exp of 22026.5"),
    (["x*x + 1", "x=1e300"], "x*x: inf; wanted a finite number"),
    (["x**y", "x=-2", "y=3"], "y: has no finite gradient"),
    (
        ["+".join(["x"] * 90) + "+" + "*".join(["(x + 1)"] * 70), "x=1"],
        "nodes; wanted an expression",
    ),
]


@pytest.mark.parametrize(("words", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_input_gets_one_line_that_names_it(words, message):
    with pytest.raises(PerflabError) as caught:
        worked.typed(words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["chain-rule", "1/x", "x=0"], "1/x: / of 1, 0"),
        (["chain-rule", "--asm", "jit"], "--asm"),
        (["chain-rule", "--html", "no/such/folder.html"], "cannot be written"),
        (["conv2d", "x=1"], "x=1: not understood after conv2d"),
        (["conv2d", "--html", "a.html"], "--html: not understood after conv2d"),
        (["chain"], "did you mean chain-rule?"),
    ],
)
def test_what_is_refused_exits_with_2(tmp_path, words, message):
    assert message in one_line(perflab("study", *words, cwd=tmp_path), 2)
    assert not list(tmp_path.iterdir())


def test_a_wrong_gradient_exits_with_1(tmp_path):
    done = perflab("study", "chain-rule", "max(x, 0) + min(x, 0)", "x=0", cwd=tmp_path)
    assert done.returncode == 1
    assert "WRONG: the gradient of x" in done.stdout


# ------------------------------------------------------------------------------------------------------- JSON


def test_json_has_every_node(tmp_path):
    done = perflab("study", "chain-rule", "--json", cwd=tmp_path)
    first, second = json.loads(done.stdout)["circuits"]
    assert (first["expression"], first["values"], first["value"]) == (
        "(x + y)*z", {"x": -2, "y": 5, "z": -4}, -12
    )  # fmt: skip
    assert [node["name"] for node in first["nodes"]] == ["x", "y", "q", "z", "f"]
    node = first["nodes"][-1]
    assert node["slopes"] == [
        {"by": "q", "formula": "z", "value": -4},
        {"by": "z", "formula": "q", "value": 3},
    ]
    assert {node["verdict"] for circuit in (first, second) for node in circuit["nodes"]} == {"agrees"}
    assert len(second["nodes"]) == 13
    assert second["ok"] is True


# ------------------------------------------------------------------------------------------------ the drawing


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def edges(cell):
    """Left, top, right, bottom, with the lines of text."""
    half = layout.BOX / 2 + layout.LINE
    return cell.x - cell.width / 2, cell.y - half, cell.x + cell.width / 2, cell.y + half


def check_drawing(circuit):
    put = layout.layout(circuit)
    assert len(put.cells) == len(circuit.steps)
    for n, cell in enumerate(put.cells):
        left, top, right, bottom = edges(cell)
        assert left >= 0 and top >= 0 and right <= put.width and bottom <= put.height, cell  # noqa: PT018
        assert cell.width >= cell.box
        assert not any(overlap(edges(cell), edges(other)) for other in put.cells[:n]), cell
    for wire in put.wires:
        xs = [x for x, _ in wire]
        assert xs == sorted(xs), "from left to right"
        inner = list(zip(wire[::2], wire[1::2], strict=True))[1:-1]
        for (left, y), (right, same) in inner:
            assert y == same
            for cell in put.cells:
                assert not overlap((left, y, right, y + 0.1), edges(cell)), (wire, cell)
        for (x, _), (to_x, _) in zip(wire[1::2], wire[2::2], strict=False):
            for cell in put.cells:  # curves run between the layers alone
                assert edges(cell)[2] <= x + 0.01 or edges(cell)[0] >= to_x - 0.01, (wire, cell)
    assert len(put.wires) == sum(len(step.slopes) for step in circuit.steps)


@pytest.mark.parametrize(
    "circuit",
    [*worked.standard(), *map(worked.typed, (OWN, LONG, ["x", "x=1"]))],
    ids=lambda circuit: circuit.expression,
)
def test_no_nodes_overlap_and_no_wire_passes_through_one(circuit):
    check_drawing(circuit)


LEAVES = st.sampled_from(["x", "y", "a_long_name_of_a_weight", "0.5"])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(st.sampled_from(["tanh", "sigmoid"]), inner).map("{0[0]}({0[1]})".format),
    ),
    max_leaves=14,
).map("x*{}".format)


@settings(max_examples=40)
@given(expression=EXPRESSIONS)
def test_any_circuit_is_drawn_so(expression):
    names = {node.text for node in circuits.parse(expression) if node.rule is None and node.number is None}
    values = {"x": -1.25, "y": 0.75, "a_long_name_of_a_weight": 123456.789}
    circuit = worked.work(expression, {name: values[name] for name in names})
    assert circuit.ok, circuit.check_line
    check_drawing(circuit)


# --------------------------------------------------------------------------------------------------- the page


class Reader(HTMLParser):
    """Every tag's attributes, and the text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(page)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)


@pytest.fixture(scope="module")
def page():
    return pages.html([*worked.standard(), worked.typed(OWN)], worked.derivation())


def test_the_page_has_every_number_drawn_and_in_the_table(page):
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    tables = re.findall(r'<table class="numbers">.*?</table>', page, re.DOTALL)
    for circuit, svg, table in zip([*worked.standard(), worked.typed(OWN)], drawings, tables, strict=True):
        above = re.findall(r'<text class="value"[^>]*>(?:<tspan[^>]*>[^<]*</tspan>)?([^<]*)</text>', svg)
        below = re.findall(r'<text class="gradient"[^>]*>([^<]*)</text>', svg)
        assert above == [units.number(step.value, 4) for step in circuit.steps]
        assert below == [units.number(step.gradient, 4) for step in circuit.steps]
        rows = table.split("<tbody>")[1].split("<tr>")[1:]
        for step, row in zip(circuit.steps, rows, strict=True):
            text = Reader(row).text
            for number in (step.value, step.gradient, step.difference):
                assert units.number(number) in text
            assert step.verdict in text


def test_the_page_loads_nothing_from_a_network(page):
    for tag, attributes in Reader(page).tags:
        assert tag not in ("script", "iframe", "img", "object", "embed"), tag
        for name in ("src", "href", "xlink:href", "srcset", "data", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:,")), (tag, attributes)
    assert not re.search(r"url\((?!#)|@import|https?://", page)


def test_the_drawing_has_a_description_for_screen_readers(page):
    reader = Reader(page)
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    drawings = [attributes for tag, attributes in reader.tags if tag == "svg"]
    assert len(drawings) == 3
    for attributes in drawings:
        assert attributes["role"] == "img"
        assert set(attributes["aria-labelledby"].split()) <= set(ids)
    assert "q = x + y: value 3, gradient −4" in reader.text
    assert page.count("<math") > 20
    assert "<code>\\" not in page, "every formula was understood"


def test_what_is_typed_is_escaped():
    odd = worked.work("max(x, y)", {"x": 1.0, "y": 2.0}, title="<b>bold</b>")
    assert "<b>bold" not in pages.html([odd], "")
    local = [slope.formula for slope in odd.steps[-1].slopes]
    assert local == ["[x ≥ y]", "[x < y]"]
    assert "[x &lt; y]" in pages.html([odd], "")
