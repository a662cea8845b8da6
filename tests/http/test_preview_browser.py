"""The preview in a real browser, at the real service: what a person sees and does there as if it were Slack."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from router.service.app import App
from tests.preview.test_preview_page import ARGUMENTS, CONTRAST
from tests.process import filled, free_port, in_this_process

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="module")]
CONFIGURATION = """
version: 1
name: prod
timezone: UTC
server: {listen: "<listen>", external_url: "http://<listen>"}
storage: {path: "<database>"}
slack: preview
sources: {shell: {adapter: generic, auth: none}}
people: {maria: {email: maria@example.com}, jonas: {slack: U0JONAS}}
escalation: {shop: {steps: [{person: maria}, {after: 1h, person: jonas}]}}
routing: {channel: "#ops", group_wait: 0s, group_by: [alertname], page: shop}
"""
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
WIDTHS = pytest.mark.parametrize("width", ["desk", "phone"], indirect=True)
AT_MOST = 8


@pytest_asyncio.fixture(loop_scope="module")
async def app(tmp_path: Path) -> AsyncIterator[App]:
    file = tmp_path / "router.yaml"
    file.write_text(filled(CONFIGURATION, tmp_path, listen=f"127.0.0.1:{free_port()}"))
    async with in_this_process(file) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests here: each has a page of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
def width(request: pytest.FixtureRequest) -> dict[str, int]:
    return PHONE if getattr(request, "param", "desk") == "phone" else DESK


class Newcomer:
    """Somebody at the page. Each thing they do is counted: a click, a choice, a text that is typed."""

    def __init__(self, app: App, page: Page) -> None:
        self.app, self.page = app, page
        self.url = app.addresses[0]
        self.actions = 0

    async def fire(self, title: str = "Checkout is slow", status: str = "firing") -> Locator:
        """An alert comes in; its message."""
        word = {"title": title, "severity": "critical", "status": status, "description": "One in twenty takes 2 s."}
        async with aiohttp.ClientSession() as session, session.post(f"{self.url}/webhook/shell", json=word) as answer:
            assert answer.status == 200, await answer.text()
        message = self.page.locator("#list > .message").filter(has_text=title).first
        await expect(message).to_be_visible()
        return message

    async def choose(self, name: str) -> None:
        self.actions += 1
        await self.page.get_by_label("You are").select_option(label=name)

    async def press(self, name: str, *, within: Locator | None = None, role: str = "button") -> None:
        self.actions += 1
        await (within or self.page).get_by_role(role, name=name, exact=True).click()  # type: ignore[arg-type]  # a role

    async def more(self, message: Locator, name: str) -> None:
        await self.press("More actions", within=message)
        await self.press(name, role="menuitem")

    async def type(self, field: str, text: str) -> None:
        self.actions += 1
        await self.page.get_by_role("textbox", name=field).fill(text)

    async def write(self, text: str) -> None:
        """In the line at the bottom; what stands there already stays before it."""
        self.actions += 1
        line = self.page.locator("#line")
        await line.focus()
        await line.press("End")
        await line.press_sequentially(text)
        await line.press("Enter")

    @property
    def modal(self) -> Locator:
        return self.page.locator("#modal[open]")

    @property
    def words(self) -> Locator:
        """What they alone see."""
        return self.page.locator(".message.private")


@pytest_asyncio.fixture(loop_scope="module")
async def newcomer(app: App, browser: Browser, width: dict[str, int]) -> AsyncIterator[Newcomer]:
    """At the page of a router that has had no alert; an error of the page, or a breach of its own policy, fails the test."""
    page = await browser.new_page(
        viewport={"width": width["width"], "height": width["height"]}, timezone_id="UTC", locale="en-GB"
    )
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    there = Newcomer(app, page)
    await page.goto(f"{there.url}/preview")
    await expect(page.locator("#status")).to_have_text("live")
    yield there
    assert await page.evaluate("document.documentElement.scrollWidth") <= width["width"]
    await page.close()
    assert [line for line in complaints if "ERR_FAILED" not in line] == []


@WIDTHS
async def test_a_whole_incident_in_at_most_eight_actions(newcomer: Newcomer) -> None:
    """Row 214: from the alert to the end, as a newcomer does it: taken on, escalated, closed with a word for the next one."""
    message = await newcomer.fire()
    await newcomer.choose("jonas")
    await newcomer.press("Acknowledge", within=message)
    await expect(message).to_contain_text("acknowledged by Jonas")
    await expect(message.get_by_role("button", name="Acknowledged ✓")).to_be_visible()
    await expect(message.locator(".replies")).to_contain_text("acknowledged by Jonas")
    await newcomer.more(message, "Escalate …")
    await newcomer.press("Escalate", within=newcomer.modal)
    await expect(message.locator(".replies")).to_contain_text("escalated to step 2 by Jonas: Jonas")
    await newcomer.press("Resolve", within=message)
    await expect(newcomer.modal.get_by_role("heading")).to_have_text("Resolve #1")
    await newcomer.type("What was it?", "restarted the pool")
    await newcomer.press("Resolve", within=newcomer.modal)
    await expect(newcomer.modal).to_have_count(0)
    await expect(message).to_contain_text("Closed #1")
    await expect(message.locator(".replies")).to_contain_text("Resolution: restarted the pool")
    assert newcomer.actions <= AT_MOST
    await newcomer.fire(status="resolved")
    await expect(message).to_contain_text("Resolved #1")
    await expect(message.locator(".actions")).to_have_count(0)


@WIDTHS
async def test_a_modal_says_what_is_wrong_and_keeps_what_is_typed(newcomer: Newcomer) -> None:
    message = await newcomer.fire()
    await newcomer.press("Snooze", within=message)
    await newcomer.press("…", role="menuitem")
    until = newcomer.page.get_by_role("textbox", name="Until when?")
    await expect(until).to_be_focused()
    await newcomer.press("Snooze", within=newcomer.modal)
    error = newcomer.modal.locator(".error")
    await expect(error).to_have_text("Please complete this required field.")
    await newcomer.type("Until when?", "soon")
    # Meanwhile the page follows: another alert comes, and is seen behind the modal.
    await newcomer.fire("Disk is full")
    await expect(until).to_have_value("soon")
    await expect(until).to_be_focused()
    await newcomer.press("Snooze", within=newcomer.modal)
    await expect(error).to_have_text("Expected a duration such as 90m or 2d, or a time such as 09:00.")
    assert await until.get_attribute("aria-describedby") == f"{await error.get_attribute('id')} " + str(
        await newcomer.modal.locator(".hint").get_attribute("id")
    )
    await newcomer.type("Until when?", "2h")
    await newcomer.page.keyboard.press("Enter")
    await expect(newcomer.modal).to_have_count(0)
    await expect(message.locator(".replies")).to_contain_text("snoozed by Maria")
    await expect(message.get_by_role("button", name="End snooze")).to_be_visible()


async def test_who_is_assigned_is_chosen_among_the_people(newcomer: Newcomer) -> None:
    message = await newcomer.fire()
    await newcomer.more(message, "Assign …")
    await newcomer.modal.get_by_label("Who takes it?").select_option("jonas")
    await newcomer.press("Assign", within=newcomer.modal)
    await expect(message).to_contain_text("assigned to Jonas")
    await newcomer.more(message, "Severity …")
    await expect(newcomer.modal).to_have_count(1)
    await newcomer.page.keyboard.press("Escape")
    await expect(newcomer.modal).to_have_count(0)
    await newcomer.more(message, "Severity …")
    await newcomer.modal.get_by_label("Severity").last.select_option(label="LOW")
    await newcomer.press("Set", within=newcomer.modal)
    await expect(message).to_contain_text("LOW #1")


async def test_a_modal_that_nothing_can_be_made_of_says_so_in_its_place(newcomer: Newcomer) -> None:
    """An updated view: what it was about was over before it was sent."""
    message = await newcomer.fire()
    await newcomer.more(message, "Severity …")
    await newcomer.modal.get_by_label("Severity").last.select_option(label="LOW")
    await newcomer.fire(status="resolved")
    await expect(message).to_contain_text("Resolved #1")
    await newcomer.press("Set", within=newcomer.modal)
    await expect(newcomer.modal.locator(".error, .block").first).to_contain_text("it is over")
    await newcomer.page.keyboard.press("Escape")
    await expect(newcomer.modal).to_have_count(0)


@WIDTHS
async def test_a_word_is_seen_by_one_person_alone(newcomer: Newcomer) -> None:
    message = await newcomer.fire()
    await newcomer.press("Acknowledge", within=message)
    await expect(message).to_contain_text("acknowledged by Maria")
    await newcomer.choose("robin (not in the rules)")
    await newcomer.write("/incident ack 1")
    await expect(newcomer.words).to_contain_text("#1: maria has acknowledged it.")
    await expect(newcomer.words).to_contain_text("Only visible to you")
    await expect(newcomer.words).to_be_in_viewport()
    await expect(newcomer.page.locator("#live")).to_contain_text("Only visible to you: #1: maria has acknowledged it.")
    await newcomer.choose("maria")
    await expect(newcomer.words).to_have_count(0)
    await newcomer.choose("robin (not in the rules)")
    await newcomer.press("Dismiss", within=newcomer.words)
    await expect(newcomer.words).to_have_count(0)
    await newcomer.write("/incident snooze 1 2h")
    await expect(message.locator(".replies")).to_contain_text("snoozed via Slack (robin)")


@WIDTHS
async def test_a_command_and_a_mention_in_the_thread(newcomer: Newcomer) -> None:
    message = await newcomer.fire()
    await newcomer.choose("jonas")
    await newcomer.write("/incident list")
    await expect(newcomer.words).to_contain_text("1 incident is open:")
    await newcomer.press("Reply in thread", within=message)
    await expect(newcomer.page.locator("#line-where")).to_have_text("In the thread of #1")
    await newcomer.write("ack")  # after the router's name, which stands there already
    replies = message.locator(".replies")
    await expect(replies.locator(".message").first).to_contain_text(re.compile("jonas.*@alert-router ack", re.DOTALL))
    await expect(replies).to_contain_text("acknowledged by Jonas")
    await newcomer.write("frobnicate")
    await expect(replies.locator(".private")).to_contain_text("“frobnicate” is no command")
    await newcomer.page.locator("#line").fill("/incident unack 1")
    await newcomer.press("Send")
    await expect(newcomer.page.locator("#trouble")).to_contain_text("Slack takes no slash command in a thread.")
    await expect(newcomer.page.locator("#line")).to_have_value("/incident unack 1")
    await newcomer.page.locator("#line").fill("I am on it, @maria")
    await newcomer.press("Send")
    await expect(replies.locator(".mention").last).to_have_text("@maria")
    await expect(newcomer.page.locator("#trouble")).to_be_hidden()


async def test_what_somebody_types_stays_while_the_page_follows(newcomer: Newcomer) -> None:
    await newcomer.fire()
    line = newcomer.page.locator("#line")
    await line.fill("/incident no")
    await newcomer.fire("Disk is full")
    await expect(line).to_be_focused()
    await expect(line).to_have_value("/incident no")
    await newcomer.page.get_by_role("navigation").get_by_role("link", name="maria@example.com").click()
    await expect(line).to_have_value("")
    await newcomer.page.get_by_role("navigation").get_by_role("link", name="#ops").click()
    await expect(line).to_have_value("/incident no")


async def test_what_takes_something_back_is_asked_first(newcomer: Newcomer) -> None:
    message = await newcomer.fire()
    await newcomer.press("Acknowledge", within=message)
    await newcomer.press("Acknowledged ✓", within=message)
    confirm = newcomer.page.get_by_role("dialog", name="Take it back?")
    await expect(confirm).to_contain_text("Nobody has acknowledged it then, and paging goes on.")
    await newcomer.press("Leave it", within=confirm)
    await expect(confirm).to_be_hidden()
    await newcomer.press("Acknowledged ✓", within=message)
    await newcomer.press("Take back", within=confirm)
    await expect(message.locator(".replies")).to_contain_text("acknowledgement taken back by Maria")
    assert (await message.locator(".replies").inner_text()).count("taken back") == 1


async def test_a_direct_message_is_acted_on_by_whom_it_pages(newcomer: Newcomer) -> None:
    await newcomer.fire()
    await newcomer.choose("jonas")
    await newcomer.page.get_by_role("navigation").get_by_role("link", name="maria@example.com").click()
    page = newcomer.page.locator("#list > .message").first
    await expect(page.get_by_role("button", name="Acknowledge")).to_be_disabled()
    await expect(newcomer.page.locator("#line")).to_be_disabled()
    await newcomer.press("Act as maria", within=page)
    await newcomer.press("Acknowledge", within=page)
    await expect(page).to_contain_text("acknowledged by Maria")


async def test_menus_and_modals_are_used_with_the_keyboard(newcomer: Newcomer) -> None:
    message = await newcomer.fire()
    keys = newcomer.page.keyboard
    await message.get_by_role("button", name="Snooze").focus()
    await keys.press("Enter")
    await expect(newcomer.page.get_by_role("menuitem", name="15 min")).to_be_focused()
    await keys.press("Escape")
    await expect(message.get_by_role("button", name="Snooze")).to_be_focused()
    await keys.press("Enter")
    await keys.press("ArrowUp")
    await expect(newcomer.page.get_by_role("menuitem", name="…")).to_be_focused()
    await keys.press("ArrowDown")
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await expect(message.locator(".replies")).to_contain_text("snoozed by Maria")
    await expect(message).to_contain_text("until")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_is_pressed_and_filled_in_has_contrast(newcomer: Newcomer, scheme: str) -> None:
    await newcomer.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    message = await newcomer.fire()
    await newcomer.press("Reply in thread", within=message)
    await newcomer.write("frobnicate")
    await expect(newcomer.words).to_have_count(1)
    assert await newcomer.page.evaluate(CONTRAST) == []
    await newcomer.more(message, "Add a note …")
    await newcomer.press("Write down", within=newcomer.modal)
    await expect(newcomer.modal.locator(".error")).to_be_visible()
    assert await newcomer.page.evaluate(CONTRAST) == []


async def test_a_router_that_is_away_is_said(newcomer: Newcomer) -> None:
    message = await newcomer.fire()
    await newcomer.page.route("**/preview/act", lambda route: route.abort())
    await newcomer.write("/incident ack 1")
    await expect(newcomer.page.locator("#trouble")).to_contain_text("The router cannot be reached")
    await expect(newcomer.page.locator("#line")).to_have_value("/incident ack 1")
    await newcomer.page.unroute("**/preview/act")
    await newcomer.press("Send")
    await expect(message).to_contain_text("acknowledged by Maria")
    await expect(newcomer.page.locator("#trouble")).to_be_hidden()


@WIDTHS
async def test_an_incident_is_declared_from_the_menu_beside_the_line(newcomer: Newcomer) -> None:
    await newcomer.press("Shortcuts")
    await newcomer.press("Declare an incident", role="menuitem")
    await expect(newcomer.modal).to_have_count(1)
    await newcomer.modal.get_by_role("textbox").first.fill("The office is on fire")
    await newcomer.page.keyboard.press("Enter")
    await expect(newcomer.modal).to_contain_text("#1 HIGH The office is on fire: declared, told in #ops.")
    await newcomer.press("Close", within=newcomer.modal)
    await expect(newcomer.modal).to_have_count(0)
    message = newcomer.page.locator("#list > .message").filter(has_text="The office is on fire").first
    await expect(message).to_be_visible()


async def test_what_a_person_wrote_goes_into_the_timeline(newcomer: Newcomer) -> None:
    message = await newcomer.fire()
    await newcomer.press("Reply in thread", within=message)
    await newcomer.page.locator("#line").fill("it began with the release")
    await newcomer.press("Send")
    reply = message.locator(".replies .message").filter(has_text="it began with the release")
    await newcomer.press("Add to timeline", within=reply)
    await expect(newcomer.words).to_contain_text("written into the timeline")
    await newcomer.write("show 1")
    await expect(newcomer.words.last).to_contain_text("it began with the release")


@WIDTHS
async def test_a_silence_says_in_its_window_what_it_would_hold_back(newcomer: Newcomer) -> None:
    """A window with a button of its own, filled after it was opened."""
    message = await newcomer.fire()
    await newcomer.press("Acknowledge", within=message)
    await newcomer.press("Silence …", within=message)
    await expect(newcomer.modal).to_contain_text("1 alert that fires now")
    await newcomer.type("Which alerts?", "alert.name=Other")
    await newcomer.press("What would it hold back?", within=newcomer.modal)
    await expect(newcomer.modal).to_contain_text("Now it would hold back 0 alerts")
    await expect(newcomer.page.get_by_role("textbox", name="Which alerts?")).to_have_value("alert.name=Other")
    await newcomer.type("Until when?", "2h")
    await newcomer.press("Silence", within=newcomer.modal)
    await expect(newcomer.modal).to_contain_text("Silenced until")
    await newcomer.press("End silence", within=newcomer.modal)
    await expect(newcomer.modal).to_contain_text("is over.")
