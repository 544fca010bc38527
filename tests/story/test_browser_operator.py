"""The operator's page in Chromium: the key, people, figures, the log, keys, and what an auditor does not see."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from db.api_keys import SHOWN
from tests.story.browser import Watched, chromium, visit
from tests.story.operated import LIGHT, Operated, operated
from tests.story.server import Service, running_service

SECTIONS = ("people", "activity", "log", "keys", "settings", "models", "lookalikes")
REFUSED = re.compile(r"status of (401|403|404)")
"""What Chromium itself writes to the console of an answer that is none."""
MOST_SHIFT = 0.1
"""The cumulative layout shift that still counts as good (web.dev/cls)."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Operated]]:
    chromium()
    home = tmp_path_factory.mktemp("operated") / "home"
    filled = operated(home, people=70)
    with running_service(home, command=(), **LIGHT) as service:
        yield service, filled


@contextmanager
def desk(there: tuple[Service, Operated], *, key: str = "", at: str = "", **how: Any) -> Iterator[Watched]:
    """The page, opened with the admin's key or another; nothing may be said of it in the console."""
    service, filled = there
    shown = key or filled.admin
    with visit(service.base_url, path=f"/operator{at}", **how) as watched:
        enter(watched.page, shown)
        expect(watched.page.locator("#desk")).to_be_visible()
        yield watched
        assert [each for each in watched.complaints if not REFUSED.search(each)] == []
        assert shown not in watched.page.url


def enter(page: Page, key: str) -> None:
    page.fill("#key", key)
    page.click("#gate .go")


def ask(there: tuple[Service, Operated], path: str) -> Any:
    service, filled = there
    answer = httpx.get(f"{service.base_url}/v1/admin{path}", headers={"Authorization": f"Bearer {filled.admin}"})
    assert answer.status_code == 200
    return answer.json()


def section(page: Page, name: str) -> None:
    page.click(f"#tab-{name}")
    expect(page.locator(f"#panel-{name}")).to_be_visible()


def stored(page: Page) -> str:
    return str(
        page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie, location.href])")
    )


def test_a_wrong_key_opens_nothing_and_is_not_kept(there: tuple[Service, Operated]) -> None:
    service, filled = there
    wrong = filled.admin[:-1] + ("A" if filled.admin[-1] != "A" else "B")
    with visit(service.base_url, path="/operator") as watched:
        page = watched.page
        expect(page.locator("#key")).to_be_focused()
        for key, words in (("", "first"), ("hello", "opens nothing"), (wrong, "opens nothing")):
            enter(page, key)
            expect(page.locator("#gate-notice")).to_contain_text(words)
            expect(page.locator("#desk")).to_be_hidden()
            assert wrong not in stored(page)
        assert wrong not in page.content()


def test_the_key_outlives_a_reload_and_is_gone_when_it_is_forgotten(there: tuple[Service, Operated]) -> None:
    said: list[str] = []
    with desk(there) as watched:
        page, key = watched.page, there[1].admin
        page.on("console", lambda message: said.append(message.text))
        expect(page.locator("#panel-people tbody tr")).to_have_count(50)
        page.reload()
        expect(page.locator("#panel-people tbody tr")).to_have_count(50)
        for name in SECTIONS:
            section(page, name)
        assert key not in page.content()
        page.click(".forget")
        expect(page.locator("#gate")).to_be_visible()
        assert key not in stored(page) + page.content() + "".join(said)
        assert page.input_value("#key") == ""
        page.reload()
        expect(page.locator("#gate")).to_be_visible()
        assert page.locator("#panel-people").inner_text() == ""


def test_an_auditor_sees_the_log_and_figures_alone(there: tuple[Service, Operated]) -> None:
    asked: list[str] = []
    with desk(there, key=there[1].auditor, at="#people") as watched:
        page = watched.page
        page.on("request", lambda request: asked.append(request.url.removeprefix(there[0].base_url).partition("?")[0]))
        shown = [tab.get_attribute("href") for tab in page.get_by_role("tab").all()]
        assert shown == ["#activity", "#log", "#models"]
        expect(page.locator("#panel-activity")).to_be_visible()
        for name in ("log", "models"):
            section(page, name)
        expect(page.locator("#panel-log .seal")).to_contain_text("whole")
        expect(page.locator("#panel-models .sheet").first).to_be_visible()
        expect(page.locator("#panel-people")).to_be_empty()
        seen = {each.removeprefix("/v1/admin/") for each in asked if each.startswith("/v1/admin/")}
        assert {"audit", "audit/state", "models"} <= seen <= {"stats", "performance", "audit", "audit/state", "models"}
        assert watched.complaints == []


def test_people_are_paged_found_and_shown(there: tuple[Service, Operated]) -> None:
    people = there[1].people[::-1]
    with desk(there) as watched:
        page = watched.page
        rows = page.locator("#panel-people tbody tr")
        expect(rows).to_have_count(50)
        assert [each.replace("\n", "") for each in page.locator("td a.id").all_inner_texts()] == [
            *map(str, people[:50])
        ]
        page.keyboard.press("j")
        expect(rows).to_have_count(20)
        assert page.url.endswith("#people?from=50")
        page.go_back()
        expect(rows).to_have_count(50)
        page.click(".choice label:has-text('Flagged')")
        expect(rows).to_have_count(ask(there, "/stats")["flagged"])
        expect(page.locator("td .tag").first).to_have_text("look-alike")
        page.keyboard.press("/")
        for typed, found in ((str(people[3]), people[3]), ("E-0000", people[-1])):
            page.fill("input[type=search]", typed)
            page.keyboard.press("Enter")
            expect(page.locator("dialog.person code.id")).to_have_text(str(found))
            assert page.url.endswith(f"#people/{found}")
            page.keyboard.press("Escape")
            expect(page.locator("dialog")).to_have_count(0)
        page.fill("input[type=search]", "E-9999")
        page.keyboard.press("Enter")
        expect(page.locator(".search .said")).to_contain_text("Nobody")
        assert "E-9999" not in page.url


def test_a_flag_is_taken_off_after_a_look(there: tuple[Service, Operated]) -> None:
    with desk(there, at="#people?which=flagged") as watched:
        page = watched.page
        before = ask(there, "/stats")["flagged"]
        expect(page.locator("#panel-people tbody tr")).to_have_count(before)
        page.locator("td a.id").first.click()
        dialog = page.locator("dialog.person")
        user_id = dialog.locator("code.id").inner_text()
        dialog.locator(".clear").click()
        expect(dialog.locator(".said")).to_have_text("The flag is taken off. It stands in their log.")
        expect(dialog.locator(".said")).to_be_focused()
        expect(dialog.locator(".clear")).to_have_count(0)
        expect(dialog.locator(".tag")).to_have_count(0)
        expect(page.locator("#panel-people tbody tr")).to_have_count(before - 1)
        dialog.get_by_role("link", name="Their log").click()
        expect(page.locator("#panel-log tbody tr").first).to_contain_text("looked at")
        assert not ask(there, f"/people/{user_id}")["flagged"]


def test_many_are_erased_after_a_preview_and_their_number_typed(there: tuple[Service, Operated]) -> None:
    with desk(there) as watched:
        page = watched.page
        before = ask(there, "/people")["total"]
        boxes = page.locator("td input")
        for number in range(3):
            boxes.nth(number).check()
        chosen = [boxes.nth(number).input_value() for number in range(3)]
        page.click(".chosen .danger")
        dialog = page.locator("dialog.erase")
        expect(dialog.locator(".will")).to_contain_text("3 people")
        assert set(dialog.locator(".ids li").all_inner_texts()) == set(chosen)
        assert ask(there, "/people")["total"] == before, "a preview erases nobody"
        go = dialog.locator(".go")
        expect(go).to_be_disabled()
        dialog.locator("input").fill("2")
        expect(go).to_be_disabled()
        dialog.locator("input").fill("3")
        go.click()
        expect(dialog.locator(".said")).to_contain_text("3 people are erased")
        with page.expect_download() as download:
            dialog.get_by_role("button", name="receipt").click()
        receipt = json.loads(Path(download.value.path()).read_text())
        assert {each["user_id"] for each in receipt["erased"]} == set(chosen)
        page.keyboard.press("Escape")
        expect(page.locator("#panel-people .total")).to_have_text(str(before - 3))
        for user_id in chosen:
            expect(page.locator(f"td input[value='{user_id}']")).to_have_count(0)


def test_who_was_not_seen_is_previewed_and_may_be_kept(there: tuple[Service, Operated]) -> None:
    with desk(there) as watched:
        page = watched.page
        before = ask(there, "/people")["total"]
        page.get_by_role("button", name="not seen").click()
        page.fill("dialog input", "7")
        page.click("dialog .go")
        will = page.locator("dialog .will")
        expect(will).to_contain_text("will be erased")
        assert 0 < int(will.inner_text().split()[0]) < before
        page.click("dialog .cancel")
        expect(page.locator("dialog")).to_have_count(0)
        assert ask(there, "/people")["total"] == before


def test_the_chart_shows_the_figures_that_the_service_gave(there: tuple[Service, Operated]) -> None:
    told = Counter[str]()
    for each in ask(there, "/stats?span=week")["activity"]["counts"]:
        if each["kind"] == "login":
            told[each["outcome"]] += each["count"]
    made = Counter[str]()
    for (_, outcome), count in there[1].logins.items():
        made[outcome] += count
    assert told == made
    with desk(there, at="#activity") as watched:
        page = watched.page
        expect(page.locator(".chart svg")).to_be_visible()
        drawn = page.eval_on_selector_all(
            ".chart rect[data-count]", "bars => bars.map(bar => [bar.getAttribute('class'), +bar.dataset.count])"
        )
        shown = Counter[str]()
        for kind, count in drawn:
            shown[kind.removeprefix("of-")] += count
        assert shown == told
        label = page.locator(".chart svg").get_attribute("aria-label") or ""
        assert f"{told.total()} in all, {told['accepted']} accepted" in label
        page.click("summary:has-text('table')")
        cells = page.locator(".alternative tbody tr td:nth-child(2)").all_inner_texts()
        assert sum(map(int, cells)) == told["accepted"]
        modes = page.locator("tr", has_text="accepted").locator("td.count")
        assert sum(map(int, modes.all_inner_texts())) == told["accepted"]
        page.click(".choice label:has-text('24 hours')")
        expect(page.locator(".chart .step")).to_have_count(24)
        assert page.url.endswith("#activity?span=day")


def test_the_log_is_read_by_kind_and_page_and_is_whole(there: tuple[Service, Operated]) -> None:
    with desk(there, at="#log") as watched:
        page = watched.page
        rows = page.locator("#panel-log tbody tr")
        expect(rows).to_have_count(100)
        expect(page.locator(".seal")).to_contain_text(f"whole: {ask(there, '/audit/state')['entries']} entries")
        first = rows.first.locator("td").first.inner_text()
        page.click("#panel-log .next")
        expect(rows.first.locator("td").first).not_to_have_text(first)
        page.select_option("#panel-log select", "api_key_made")
        expect(rows.first).to_contain_text("API key made")
        assert page.url.endswith("?kind=api_key_made")
        for text in rows.all_inner_texts():
            assert "API key made" in text
        person = str(there[1].people[0])
        page.fill("#panel-log input", person)
        page.select_option("#panel-log select", "")
        expect(rows.last).to_contain_text("enrolled")
        assert person not in page.locator("#panel-log table").inner_text()


def test_a_long_log_is_checked_only_when_asked(there: tuple[Service, Operated]) -> None:
    figures = {"people": 1, "flagged": 0, "failing": 0, "stopped": 0, "audit_entries": 1_000_000, "activity": None}
    asked: list[str] = []
    with desk(there, at="#models") as watched:
        page = watched.page
        page.route("**/v1/admin/stats", lambda route: route.fulfill(json=figures))
        page.on("request", lambda request: asked.append(request.url))
        section(page, "log")
        press = page.get_by_role("button", name="Check all 1,000,000 entries")
        expect(press).to_be_visible()
        assert not any(each.endswith("/audit/state") for each in asked)
        press.click()
        expect(page.locator(".seal")).to_contain_text("whole")


def test_a_key_is_made_shown_once_and_revoked(there: tuple[Service, Operated]) -> None:
    service, _ = there
    with desk(there, at="#keys") as watched:
        page = watched.page
        page.fill(".make input >> nth=0", "door 3")
        page.select_option(".make select", "auditor")
        page.click(".make button")
        made = page.locator(".slip code").inner_text()
        assert SHOWN.fullmatch(made)
        row = page.locator("tbody tr", has_text="door 3")
        expect(row).to_contain_text("auditor")
        page.click(".slip .plain")
        assert made not in page.content() + stored(page)
        header = {"Authorization": f"Bearer {made}"}
        assert httpx.get(f"{service.base_url}/v1/admin/stats", headers=header).status_code == 200
        row.get_by_role("button").click()
        page.click("dialog .go")
        expect(page.locator("tbody tr", has_text="door 3")).to_have_count(0)
        assert httpx.get(f"{service.base_url}/v1/admin/stats", headers=header).status_code == 401


def test_a_key_that_was_revoked_meanwhile_closes_the_desk_and_leaves_nothing(there: tuple[Service, Operated]) -> None:
    service, filled = there
    admin = {"Authorization": f"Bearer {filled.admin}"}
    fields = {"role": "admin", "name": "short-lived"}
    made = httpx.post(f"{service.base_url}/v1/admin/api-keys", headers=admin, json=fields).json()
    with desk(there, key=made["key"]) as watched:
        page = watched.page
        expect(page.locator("#panel-people tbody tr").first).to_be_visible()
        httpx.delete(f"{service.base_url}/v1/admin/api-keys/{made['prefix']}", headers=admin)
        section_link = page.locator("#tab-log")
        section_link.click()
        expect(page.locator("#gate-notice")).to_contain_text("expired or was revoked")
        assert made["key"] not in stored(page) + page.content()
        enter(page, filled.admin)
        expect(page.locator("#panel-log tbody tr").first).to_be_visible()


def test_offline_is_said_and_comes_back_by_a_press(there: tuple[Service, Operated]) -> None:
    service, filled = there
    with visit(service.base_url, path="/operator") as watched:
        page = watched.page
        enter(page, filled.admin)
        expect(page.locator("#panel-people tbody tr").first).to_be_visible()
        page.route("**/v1/admin/**", lambda route: route.abort())
        section(page, "log")
        trouble = page.locator("#panel-log .results .trouble")
        expect(trouble).to_contain_text("does not answer")
        page.unroute("**/v1/admin/**")
        trouble.get_by_role("button").click()
        expect(page.locator("#panel-log tbody tr").first).to_be_visible()


def test_the_keyboard_reaches_every_section(there: tuple[Service, Operated]) -> None:
    with desk(there, at="#people") as watched:
        page = watched.page
        page.locator("#tab-people").focus()
        for name in SECTIONS[1:]:
            page.keyboard.press("ArrowDown")
            expect(page.locator(f"#tab-{name}")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#panel-lookalikes")).to_be_visible()
        expect(page.locator("#tab-lookalikes")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("5")
        expect(page.locator("#panel-settings")).to_be_visible()
        page.keyboard.press("?")
        page.get_by_label("Use these keys").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("2")
        expect(page.locator("#panel-settings")).to_be_visible()


def test_comparing_everybody_can_be_stopped_and_begun_again(there: tuple[Service, Operated]) -> None:
    with desk(there, at="#lookalikes") as watched:
        page = watched.page
        panel = page.locator("#panel-lookalikes")
        run = panel.locator(".run")
        asked: list[Route] = []

        def hold_the_first(route: Route) -> None:
            asked.append(route)
            if len(asked) > 1:  # never taken off again: what is held would go on to the service then
                route.continue_()

        page.route("**/v1/admin/lookalikes", hold_the_first)
        run.click()
        expect(panel.get_by_role("progressbar", name="How many are compared")).to_be_visible()
        expect(run).to_have_text("Stop")
        run.click()
        expect(run).to_have_text("Compare everybody")
        expect(panel.locator(".results")).to_be_empty()
        run.click()
        expect(panel.locator(".seal")).to_be_visible()
        expect(run).to_have_text("Compare again")


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
def test_every_section_fits_and_stays_where_it_is(there: tuple[Service, Operated], width: int, scheme: str) -> None:
    with desk(there, width=width, scheme=scheme) as watched:
        page = watched.page
        for name in SECTIONS:
            page.evaluate(f"location.hash = '{name}'")
            panel = page.locator(f"#panel-{name}")
            expect(panel.locator("h2").first).to_be_visible()
            if name == "lookalikes":
                panel.locator(".run").click()
            expect(panel.locator(".frame, .sheet").locator("visible=true").first).to_be_visible()
            expect(panel.locator("[aria-busy=true]")).to_have_count(0)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
            unnamed = panel.locator("table:not(:has(caption))").count()
            assert unnamed == 0, name
        page.evaluate("location.hash = 'people'")
        page.locator("td a.id").first.click()
        expect(page.locator("dialog .acts")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        shift = page.evaluate(
            "new Promise(done => new PerformanceObserver(list => done(list.getEntries()"
            ".filter(each => !each.hadRecentInput).reduce((sum, each) => sum + each.value, 0)))"
            ".observe({type: 'layout-shift', buffered: true}) || setTimeout(() => done(0), 500))"
        )
        assert shift < MOST_SHIFT
        assert watched.complaints == []
