"""The chain rule as data and as a page: numbers against closed forms, and the page in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import autograd_core as ag
import nn
import viz
from autograd_core import Scalar, Tensor
from autograd_core.errors import GraphError

HOSTILE = '"><script>document.title="stolen"</script></script>&\u2028'


def lecture(x, y, z):
    q = x + y
    return q * z


def inputs():
    return tuple(Tensor(value, requires_grad=True, name=name) for name, value in (("x", -2.0), ("y", 5.0), ("z", -4.0)))


def content(path):
    text = Path(path).read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return text, json.loads(found[1])


# --- the chain rule as data -----------------------------------------------------------------------------------------


def products(trace):
    names = {value.id: value.name for value in trace.record.values}
    return {names[pull.value] or pull.value: (float(pull.upstream), float(pull.local), float(pull.downstream)) for pull in trace.pulls}


@pytest.mark.parametrize("after", [False, True])
def test_the_lecture_example_edge_by_edge(after):
    x, y, z = inputs()
    q = x + y
    f = q * z
    if after:
        f.backward()
    assert products(viz.trace(f, names={"q": q})) == {"q": (1, -4, -4), "z": (1, 3, 3), "x": (-4, 1, -4), "y": (-4, 1, -4)}
    if not after:
        assert x.grad is None
        f.backward()
    assert x.grad.item() == -4


def test_a_reused_value_sums_and_naive_recursion_counts_twice():
    for a in (Scalar(3.0, name="a"), Tensor(3.0, requires_grad=True, name="a")):
        b = a + a
        trace = viz.trace(b + b, names={"b": b})
        assert [float(pull.total) for pull in trace.pulls] == [1, 2, 2, 4]
        ids = {value.name: value.id for value in trace.record.values}
        assert float(trace.gradients[ids["a"]]) == 4
        assert float(trace.naive_gradients[ids["a"]]) == 6


def test_naive_recursion_is_right_on_a_tree_and_cut_where_paths_explode():
    x, y, z = inputs()
    trace = viz.trace(lecture(x, y, z))
    assert {k: float(v) for k, v in trace.naive_gradients.items()} == {k: float(v) for k, v in trace.gradients.items()}
    a = Scalar(1.0)
    for _ in range(40):
        a = a + a
    assert len(viz.trace(a).naive) == 400


def test_gradients_of_a_network_equal_backward():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    with ag.record():
        loss = nn.functional.cross_entropy(model(ag.randn(5, 3)), ag.tensor([0, 1, 1, 0, 1]))
    trace = viz.trace(loss, names=dict(model.named_parameters()))
    loss.backward()
    ids = {value.name: value.id for value in trace.record.values}
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(trace.gradients[ids[name]], parameter.grad.numpy(), rtol=1e-6)
    again = viz.trace(loss, names=dict(model.named_parameters()))  # from kept values
    for name, _ in model.named_parameters():
        np.testing.assert_allclose(again.gradients[ids[name]], trace.gradients[ids[name]], rtol=1e-6)


def test_values_that_are_gone_are_an_error_with_the_way_out():
    x = ag.randn(3, requires_grad=True)
    y = ag.exp(x * 2).sum()
    y.backward()
    with pytest.raises(GraphError, match=r"exp needs .* are gone: draw before backward"):
        viz.trace(y)


def test_only_single_numbers_have_a_chain_rule():
    x = ag.randn(3, requires_grad=True)
    with pytest.raises(GraphError, match=r"single number.*\(3,\).*\.sum\(\)"):
        viz.trace(x * 2)


def test_products_stand_on_the_edges_and_sums_below():
    x, y, z = inputs()
    source = viz.draw(lecture(x, y, z), chain_rule=True).source
    for product in ("−4 × 1 = −4", "1 × −4 = −4", "1 × 3 = 3"):
        assert product in source
    a = Scalar(3.0)
    b = a + a
    source = viz.draw(b + b, chain_rule=True).source
    assert "2 + 2" in source
    assert "= 4" in source


def test_the_callers_variables_are_names():
    first = Tensor(2.0, requires_grad=True)
    second = Tensor(3.0, requires_grad=True, name="own")
    product = first * second
    record = viz.draw(product, names={}).record
    assert {value.name for value in record.values} == {"first", "own", "product"}


def test_a_module_is_called_and_its_parameters_are_named_by_path():
    model = nn.Linear(3, 1)
    record = viz.draw(model, inputs=ag.ones(2, 3)).record
    assert {"weight", "bias"} <= {value.name for value in record.values}
    assert all(value.value is not None for value in record.values)


def test_a_module_without_its_inputs():
    for draw in (viz.draw, viz.step_through, viz.activation_histograms):
        with pytest.raises(TypeError, match=r"Linear cannot be called with 0 inputs: missing a required argument: 'input'. Give its arguments as inputs="):
            draw(nn.Linear(2, 1))


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_is_self_contained_and_holds_the_numbers(tmp_path):
    path = viz.step_through(lecture, tmp_path / "page.html", inputs=inputs(), title=HOSTILE)
    text, data = content(path)
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#)", text)
    assert text.count("<script") == 2
    assert [step["text"] for step in data["forward"]] == ["q = x + y = −2 + 5 = 3", "result = q × z = 3 × −4 = −12"]
    assert [(step["upstream"]["text"], step["local"]["text"], step["downstream"]["text"]) for step in data["backward"]] == [
        ("1", "−4", "−4"), ("1", "3", "3"), ("−4", "1", "−4"), ("−4", "1", "−4")]
    assert data["forward"][0]["line"].endswith("q = x + y")


def test_scalars_show_their_lines_too(tmp_path):
    _, data = content(viz.step_through(lecture, tmp_path / "page.html", inputs=tuple(Scalar(value) for value in (-2.0, 5.0, -4.0))))
    assert [step["line"].partition("  ")[2] for step in data["forward"]] == ["q = x + y", "return q * z"]
    assert data["backward"][0]["line"].endswith("return q * z")


def test_hostile_names_are_text(tmp_path):
    x = Tensor(2.0, requires_grad=True, name=HOSTILE)
    text, data = content(viz.step_through(x * x, tmp_path / "page.html"))
    assert "<script>document" not in text
    assert any(HOSTILE[:20] in entry["name"] for entry in data["names"].values())


def test_nan_and_infinity_make_a_page(tmp_path):
    x = Tensor([0.0, -1.0], requires_grad=True, name="x")
    with ag.record(), np.errstate(all="ignore"):
        y = ag.log(x).sum()
    _, data = content(viz.step_through(y, tmp_path / "page.html"))
    assert data["forward"][0]["arrays"][1]["rows"] == [[None, None]]


@pytest.mark.parametrize("wrong", [None, 3])
def test_wrong_arguments(tmp_path, wrong):
    with pytest.raises(TypeError, match="step_through: expected a Tensor, a Scalar or a function"):
        viz.step_through(wrong, tmp_path / "page.html")


def test_a_failure_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match=r"\.html"):
        viz.step_through(Scalar(1.0) * 2, tmp_path / "page.txt")
    a = Scalar(1.0)
    for _ in range(700):
        a = a * 1.5
    with pytest.raises(ValueError, match="2,101 nodes, more than the 2,000"):
        viz.step_through(a, tmp_path / "page.html")
    with pytest.raises(ValueError, match="depth=0: expected at least 1"):
        viz.step_through(Scalar(1.0) * 2, tmp_path / "page.html", depth=0)
    assert not list(tmp_path.iterdir())


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return x + self.second(self.first(x).tanh())


@pytest.mark.parametrize("depth", [None, 1, 2])
def test_large_graphs_are_gone_through_module_by_module(tmp_path, depth):
    count = 20 if depth is None else 3
    model = nn.Sequential(*[Residual() for _ in range(count)])
    x = Tensor(np.random.default_rng(0).normal(size=(3, 4)).astype("float32"), requires_grad=True, name="x")
    _, data = content(viz.step_through(lambda x: model(x).sum(), tmp_path / "page.html", inputs=(x,), depth=depth))
    assert data["folded"] == (depth != 2)  # at depth 2 there are single layers of one operation each
    assert data["naive"] == [] or depth == 2
    if depth != 2:
        assert [step["op"] for step in data["forward"]] == [*[f"module {i}" for i in range(count)], "sum"]
        assert [step["op"] for step in data["backward"]] == ["sum", *[f"module {i}" for i in reversed(range(count))]]
        assert data["forward"][0]["doc"] == "A module in one step: 4 operations, 40 parameters."
        assert len(data["backward"][-1]["downstream"]["rows"]) == 3
    model(x).sum().backward()
    totals = {step["name"]: step["total"]["rows"] for step in data["backward"] if "rows" in step["total"]}
    np.testing.assert_allclose(totals["x"], x.grad.numpy(), rtol=1e-3)


def test_arrays_of_more_dimensions_are_tiles(tmp_path):
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU())
    _, data = content(viz.step_through(lambda x: model(x).sum(), tmp_path / "page.html", inputs=(ag.ones(40, 2, 6, 6),)))
    image, weight, _, result = data["forward"][0]["arrays"]
    assert (weight["words"], weight["tile"], weight["columns"], weight["lead"]) == ("3 × 2 tiles of 3 × 3", [3, 3], 2, 2)
    assert weight["rows"][3] == [""] * 7
    assert image["words"] == "4 × 2 tiles of 6 × 6, the first 4 of 40 along dimension 0"
    assert result["shape"] == "(40, 3, 4, 4)"


def luminance(color):
    """Relative luminance of #rrggbb, as WCAG 2 defines it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def mixed(color, ground, share):
    return "#" + "".join(f"{round(share * int(color[i : i + 2], 16) + (1 - share) * int(ground[i : i + 2], 16)):02x}" for i in (1, 3, 5))


def test_colours_have_the_contrast_that_wcag_asks_for(tmp_path):
    page = viz.step_through(lecture, tmp_path / "page.html", inputs=inputs()).read_text(encoding="utf-8")
    themes = [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in re.findall(r"\{[^{}]*--page: [^{}]*\}", page)]
    assert len(themes) == 3
    for colors in themes:
        highlighted = mixed(colors["now"], colors["panel"], 0.18)
        for name, least, grounds in (("ink", 7.0, ("page", "panel")), ("muted", 4.5, ("page", "panel")), ("value", 4.5, ("page", "panel")), ("gradient", 4.5, ("page", "panel")),
                                     ("accent", 4.5, ("panel",)), ("now", 3.0, ("page", "panel")), ("bad", 4.5, ("panel", "highlighted"))):
            for ground in grounds:
                light, dark = sorted((luminance(colors[name]), luminance({**colors, "highlighted": highlighted}[ground])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= least, (name, ground)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium with chromedriver on the PATH")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     f"--user-data-dir={tmp_path_factory.mktemp('profile')}", "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    session = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield session
    session.quit()


def press(browser, key):
    from selenium.webdriver.common.by import By

    browser.find_element(By.TAG_NAME, "body").send_keys(key)


@pytest.mark.browser
def test_stepping_in_a_browser(browser, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    x, y, z = inputs()
    page = viz.step_through(lecture, tmp_path / "page.html", inputs=(x, y, z))
    lecture(x, y, z).backward()
    browser.get(page.as_uri())
    text = lambda name: browser.find_element(By.ID, name).text  # noqa: E731
    assert text("count") == "1 of 6"
    assert text("rule") == "q = x + y = −2 + 5 = 3"
    assert not browser.find_element(By.ID, "back").is_enabled()
    for _ in range(2):
        browser.find_element(By.ID, "next").click()
    assert (text("phase"), text("rule")) == ("Backward: mul → q", "1 × −4 = −4")
    press(browser, Keys.ARROW_LEFT)
    assert text("phase") == "Forward: mul"
    press(browser, Keys.END)
    assert text("count") == "6 of 6"
    assert not browser.find_element(By.ID, "next").is_enabled()
    shown = {row.find_element(By.TAG_NAME, "th").text: row.find_element(By.TAG_NAME, "td").text for row in browser.find_elements(By.CSS_SELECTOR, "#sums tr")}
    assert {name: float(shown[name].replace("−", "-")) for name in "xyz"} == {"x": x.grad.item(), "y": y.grad.item(), "z": z.grad.item()}
    press(browser, Keys.HOME)
    waiting = browser.find_elements(By.CSS_SELECTOR, ".graph text.gradient.waiting")
    assert len(waiting) == 5
    assert browser.get_log("browser") == []


@pytest.mark.browser
def test_the_naive_order_in_a_browser(browser, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    a = Scalar(3.0, name="a")
    b = a + a
    browser.get(viz.step_through(b + b, tmp_path / "page.html", names={"b": b}).as_uri())
    press(browser, "n")
    press(browser, Keys.END)
    assert "wrong: 4 is right" in browser.find_element(By.ID, "sums").text
    assert "more than once" in browser.find_element(By.ID, "verdict").text
    browser.find_element(By.ID, "theme").click()
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("data-theme") in ("light", "dark")
    assert browser.get_log("browser") == []


@pytest.mark.browser
def test_two_thousand_nodes_in_a_browser(browser, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    a = b = Scalar(0.5, name="a")
    for _ in range(560):
        b = b * 0.999 + a if _ % 5 == 0 else b * 1.001
    browser.get(viz.step_through(b, tmp_path / "page.html").as_uri())
    press(browser, Keys.END)
    b.backward()
    count = browser.find_element(By.ID, "count").text
    assert int(count.split()[0]) > 1000
    assert f"{a.grad:.4g}" in browser.find_element(By.ID, "rule").text + browser.find_element(By.ID, "explanation").text
    spot, box = (browser.execute_script("const r = arguments[0].getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]", browser.find_element(By.CSS_SELECTOR, selector))
                 for selector in (".graph .node.now", "#graph"))
    assert box[0] <= spot[0] <= spot[2] <= box[2]  # the page has scrolled to where the step is
    assert browser.get_log("browser") == []


@pytest.mark.browser
def test_heat_maps_and_hostile_names_in_a_browser(browser, tmp_path):
    from selenium.webdriver.common.by import By

    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    with ag.record():
        loss = model(Tensor(np.ones((2, 3), "float32"), name=HOSTILE)).sum()
    browser.get(viz.step_through(loss, tmp_path / "page.html", names=dict(model.named_parameters())).as_uri())
    assert browser.title == "Backpropagation, step by step"
    labels = [each.get_attribute("aria-label") for each in browser.find_elements(By.CSS_SELECTOR, "#heat canvas")]
    assert len(labels) == 4
    assert any(label.startswith("0.weight: ") for label in labels)
    assert browser.get_log("browser") == []
