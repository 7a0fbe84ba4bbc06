"""The page in a real browser, over a real pipeline: right, live, light and dark, on a desk and on a phone."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from fix_chromium import Page
from fix_meso import MesoRun
from fix_nyc import NYC, free_port

SECTIONS = ("weather", "payments")  # those that draw one edge in their own way
DESK, PHONE = (1280, 900, 1.0, False), (375, 812, 2.0, True)
SHOTS = os.environ.get("MESO_SCREENSHOTS", "")  # a folder that keeps what the tests saw

# A number as the page writes it, with thin spaces, as a number again.
NUMBER = "(id) => Number(document.getElementById(id).textContent.replaceAll('\\u2009', ''))"
LEDGER = """[...document.querySelectorAll('#ledger-nodes tr')].map((row) => [
    row.querySelector('th').textContent,
    ...[...row.querySelectorAll('td')].slice(0, 4).map((cell) => Number(cell.textContent.replaceAll('\\u2009', ''))),
    row.querySelector('.mark').textContent])"""


def opened(page: Page, address: str, size: tuple[int, int, float, bool] = DESK, **preferences: str) -> Page:
    page.resize(*size)
    page.prefer(**preferences)
    page.open(address)
    page.wait_for("document.querySelectorAll('#ledger-nodes tr').length > 0")
    return page


def state_of(address: str) -> Any:
    with urlopen(address + "/api/state", timeout=10) as answer:
        return json.load(answer)


def test_the_page_loads_whole_from_here_and_without_a_complaint(page: Page, dashboard: str) -> None:
    opened(page, dashboard)
    for section in ("weather", "payments", "records"):
        page.wait_for(f"!document.getElementById('{section}').hidden")
    page.wait_for("document.querySelectorAll('#ticker li').length >= 10")
    assert page.evaluate("document.fonts.check('16px Inter')")
    assert page.errors == []
    assert {url for url in page.requests if not url.startswith((dashboard, "data:", "about:"))} == set()


def test_the_ledger_on_the_page_is_the_ledger_that_is_served(page: Page, dashboard: str) -> None:
    """Counts move on, so each number must lie between those served before and after it was looked at."""
    opened(page, dashboard)
    before = state_of(dashboard)["ledger"]["nodes"]
    page.evaluate("new Promise((done) => setTimeout(done, 2500))")
    shown = {name: rest for name, *rest in page.evaluate(LEDGER)}
    page.evaluate("new Promise((done) => setTimeout(done, 2500))")
    after = state_of(dashboard)["ledger"]["nodes"]
    assert set(shown) == set(before)
    for name, (*numbers, mark) in shown.items():
        assert mark == "✓"
        assert numbers[0] == sum(numbers[1:])
        for column, number in zip(("read", "accepted", "rejected", "late"), numbers, strict=True):
            assert before[name][column] <= number <= after[name][column]


def test_what_does_not_move_is_shown_exactly(page: Page, dashboard: str) -> None:
    opened(page, dashboard)
    shown = {name: rest for name, *rest in page.evaluate(LEDGER)}
    assert shown["stations"] == [3, 3, 0, 0, "✓"]
    assert shown["station-list"] == [3, 3, 0, 0, "✓"]
    assert page.evaluate("document.getElementById('pipeline').textContent") == "nyc"
    assert page.evaluate("document.getElementById('ledger-state').textContent") == "Ledger closed"
    assert page.evaluate("document.querySelectorAll('#graph svg g .name').length") == 8
    assert page.evaluate("document.querySelectorAll('#graph svg .pipe').length") == 5


def test_a_section_says_whose_records_it_draws_and_every_other_edge_has_its_table(page: Page, dashboard: str) -> None:
    opened(page, dashboard)
    tables = "[...document.querySelectorAll('#records-list h3')].map((heading) => heading.textContent).sort()"
    page.wait_for(f"{tables}.length >= 2")
    page.wait_for("!document.getElementById('weather').hidden && !document.getElementById('payments').hidden")
    drawn = [page.evaluate(f"document.getElementById('{section}-edge').textContent") for section in SECTIONS]
    others = page.evaluate(tables)
    assert drawn == ["weather", "payments"]
    assert sorted(drawn + others) == sorted(edge["producer"] for edge in state_of(dashboard)["graph"]["edges"])


def test_numbers_and_payments_arrive_by_themselves(page: Page, dashboard: str) -> None:
    opened(page, dashboard)
    read = page.evaluate(f"({NUMBER})('total-read')")
    first = page.wait_for("document.querySelector('#ticker li')?.textContent")
    page.wait_for(f"({NUMBER})('total-read') > {read}")
    page.wait_for(f"document.querySelector('#ticker li').textContent !== {json.dumps(first)}")


def test_a_ticker_that_is_paused_stands_still_and_goes_on(page: Page, dashboard: str) -> None:
    opened(page, dashboard)
    page.wait_for("document.querySelectorAll('#ticker li').length >= 10")
    page.evaluate("document.getElementById('ticker-pause').click()")
    first = page.evaluate("document.getElementById('ticker').textContent")
    page.evaluate("new Promise((done) => setTimeout(done, 2500))")
    assert page.evaluate("document.getElementById('ticker').textContent") == first
    page.evaluate("document.getElementById('ticker-pause').click()")
    page.wait_for(f"document.getElementById('ticker').textContent !== {json.dumps(first)}")


def test_a_page_that_updates_moves_nothing(page: Page, dashboard: str) -> None:
    opened(page, dashboard)
    page.wait_for("document.querySelectorAll('#ticker li').length >= 10")
    page.wait_for("!document.getElementById('weather').hidden && !document.getElementById('records').hidden")
    where = """JSON.stringify([...document.querySelectorAll('section, h2, .totals > div, #graph, .ledger')]
        .map((node) => [node.id, Math.round(node.getBoundingClientRect().top), Math.round(node.offsetHeight)]))"""
    page.evaluate("new Promise((done) => setTimeout(done, 1500))")
    before = page.evaluate(where)
    page.evaluate("new Promise((done) => setTimeout(done, 5000))")
    assert page.evaluate(where) == before


@pytest.mark.parametrize(("scheme", "light"), [("light", True), ("dark", False)])
@pytest.mark.parametrize(("what", "size"), [("desktop", DESK), ("phone", PHONE)])
def test_it_is_whole_in_every_light_and_on_every_width(
    page: Page,
    dashboard: str,
    tmp_path: Path,
    scheme: str,
    light: bool,
    what: str,
    size: tuple[int, int, float, bool],
) -> None:
    opened(page, dashboard, size, prefers_color_scheme=scheme)
    page.wait_for("!document.getElementById('payments').hidden && !document.getElementById('weather').hidden")
    page.evaluate("new Promise((done) => setTimeout(done, 3000))")
    assert page.evaluate("document.documentElement.scrollWidth") == size[0], "the page scrolls sideways"
    red = page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
    assert (red > 200) is light
    out = Path(SHOTS) if SHOTS else tmp_path
    page.screenshot(out / f"dashboard-{what}-{scheme}.png")
    assert (out / f"dashboard-{what}-{scheme}.png").stat().st_size > 20_000
    assert page.errors == []


def test_the_reader_may_choose_the_light_and_the_choice_is_kept(page: Page, dashboard: str) -> None:
    theme = "document.documentElement.dataset.theme"
    opened(page, dashboard, prefers_color_scheme="dark")
    assert page.evaluate(theme) == "dark"
    page.evaluate("document.getElementById('theme').click()")
    assert page.evaluate(theme) == "light"
    opened(page, dashboard, prefers_color_scheme="dark")
    assert page.evaluate(theme) == "light"


CONTRAST = """(() => {
    const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
    const lightness = ([r, g, b]) => {
        const linear = [r, g, b].map((v) => v / 255)
            .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const ground = (node) => {
        for (; node; node = node.parentElement) {
            const colour = rgb(getComputedStyle(node).backgroundColor);
            if (colour.length < 4 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const poor = [];
    for (const node of document.querySelectorAll('body *:not(svg *):not(script):not(i):not(.new *)')) {
        if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) continue;
        if (!node.checkVisibility() || node.closest('.new')) continue;
        const [a, b] = [lightness(rgb(getComputedStyle(node).color)), lightness(ground(node))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.push(`${node.className || node.tagName} ${ratio} ${node.textContent.slice(0, 30)}`);
    }
    return poor;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(page: Page, dashboard: str, scheme: str) -> None:
    """At least 4.5 to 1, as WCAG 2 asks of text of any size (1.4.3)."""
    opened(page, dashboard, prefers_color_scheme=scheme)
    page.wait_for("document.querySelectorAll('#ticker li').length >= 10")
    assert page.evaluate(CONTRAST) == []


def test_who_wants_no_motion_gets_none(page: Page, dashboard: str) -> None:
    opened(page, dashboard, prefers_reduced_motion="reduce")
    page.wait_for("document.querySelectorAll('#ticker li').length >= 10")
    assert page.evaluate("document.getAnimations().length") == 0


def test_a_page_says_that_its_dashboard_is_gone_and_comes_back_with_it(
    page: Page, meso_run: Callable[..., MesoRun]
) -> None:
    run = meso_run(NYC, "--fresh", "--dashboard-port", str(free_port()))
    status = run.wait_for(lambda now: now.get("tables", {}).get("payment-history", 0) > 0, "payments")
    opened(page, status["dashboard"])
    run_state = "document.getElementById('run-state').textContent"
    page.wait_for(f"{run_state} === 'Running'")
    os.kill(status["services"]["dashboard"]["pid"], signal.SIGKILL)
    page.wait_for(f"{run_state} === 'Connection lost, trying again'")
    page.wait_for(f"{run_state} === 'Running'", 60)
    read = page.evaluate(f"({NUMBER})('total-read')")
    page.wait_for(f"({NUMBER})('total-read') > {read}")
