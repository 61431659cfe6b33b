"""The page in a real browser. Needs Debian's chromium and what `make browser` brings."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from synthetic_study import write_study

from medxfer.analysis import answer

AXE = Path(sys.prefix, "node_modules/axe-core/axe.min.js")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(
        tmp_path_factory.mktemp("page") / "study",
        seeds=2,
        data=("phantom_ct", "phantom_dx"),
        fractions=(0.5, 1.0),
        failed=[{"colormap": "viridis", "pretrained": False, "seed": 1}],
        caveats=["<b>phantoms</b>"],
    )
    answer(folder)
    return folder


@pytest.fixture
def open_page(browser: Any, study: Path) -> Iterator[Any]:
    contexts = []

    def open_at(width: int, scheme: str, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.problems = []
        page.on("console", lambda message: page.problems.append(message.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: _note_request(page, request.url))
        page.goto((study / "report.html").as_uri())
        return page

    yield open_at
    for context in contexts:
        context.close()


def _note_request(page: Any, url: str) -> None:
    if not url.startswith(("file:", "data:")):
        page.problems.append(f"asked for {url}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_no_error_no_request_and_no_horizontal_scroll(open_page: Any, width: int, scheme: str) -> None:
    page = open_page(width, scheme)
    assert page.problems == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [400, 1280])
def test_both_answers_start_on_the_first_screen(open_page: Any, width: int) -> None:
    page = open_page(width, "light")
    for question in ("RQ1", "RQ2"):
        box = page.locator(f"#{question}").bounding_box()
        assert box["y"] < 800


def test_a_tables_names_stay_where_its_figures_are_scrolled(open_page: Any) -> None:
    page = open_page(400, "light", reduced_motion="reduce")
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    table = page.locator("[aria-label^='Decisions']").first
    assert table.evaluate("t => { t.scrollLeft = 150; return t.scrollLeft }") == 150
    left = table.bounding_box()["x"]
    assert [table.locator(f"tr >> nth=1 >> {cell}").first.bounding_box()["x"] for cell in ("th", "td")] == [
        left,
        pytest.approx(left - 150 + table.locator("th >> nth=0").bounding_box()["width"]),
    ]


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_it_round(open_page: Any) -> None:
    page = open_page(1280, "light")
    button = page.get_by_role("button", name="balanced accuracy", exact=True)
    column = button.evaluate("b => b.closest('th').cellIndex")
    cells = f"[...document.querySelectorAll('.cells tbody tr')].map(r => r.cells[{column}].dataset.value)"
    button.click()
    up = page.evaluate(cells)
    assert [float(v) for v in up if v] == sorted(float(v) for v in up if v)
    assert up[-1] == ""  # the failed cell comes last either way
    button.click()
    down = page.evaluate(cells)
    assert [float(v) for v in down if v] == sorted((float(v) for v in down if v), reverse=True)
    assert down[-1] == ""
    assert page.locator("th[aria-sort=descending]").count() == 1


def test_typing_filters_the_rows_and_says_how_many(open_page: Any) -> None:
    page = open_page(1280, "light")
    page.get_by_role("searchbox").fill("phantom_ct inferno")
    assert page.get_by_role("status").inner_text() == "8 of 48 rows"
    assert page.locator(".cells tbody tr:visible").count() == 8


def test_print_shows_black_on_white_without_tools(open_page: Any) -> None:
    page = open_page(1280, "dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".tools").is_visible()
    assert page.get_by_role("heading", name="Other contrasts").is_visible()  # what is folded is printed


UNFOLD = "document.querySelectorAll('details').forEach(part => { part.open = true; })"


@pytest.mark.parametrize("width", [400, 1280])
def test_what_is_folded_neither_shows_nor_scrolls_the_page_sideways(open_page: Any, width: int) -> None:
    page = open_page(width, "light")
    heading = page.get_by_role("heading", name="Other contrasts")
    assert heading.count() == 0 or not heading.is_visible()
    page.evaluate(UNFOLD)
    assert heading.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
def test_axe_finds_no_serious_violation(open_page: Any, width: int, scheme: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make browser")
    page = open_page(width, scheme, bypass_csp=True)
    page.evaluate(UNFOLD)
    page.add_script_tag(path=AXE)
    violations = page.evaluate("axe.run()")["violations"]
    assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []
