"""The page's data, and the page in a real browser, as a person with eyes, a keyboard or a screen reader meets it."""

import re
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright, expect

from router.core.render.message import incident_message
from router.core.view import Rendered
from router.http.preview.page import ASSETS, CONTENT_SECURITY_POLICY, preview_asset, preview_html
from router.notifiers.preview.preview import Preview, conversation_id
from router.notifiers.tag import Tag
from tests.preview.rows import Hand, MemoryRows, instance_down, shown, story

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.needs("chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
P1 = conversation_id("#incidents-p1")


async def test_data_says_what_where_and_who_heard_it() -> None:
    data = msgspec.json.decode(await story(MemoryRows(), Hand()))
    assert [(channel["kind"], channel["name"]) for channel in data["channels"]] == [
        ("channel", "#incidents-p1"),
        ("channel", "#quiet"),
        ("channel", "#web"),
        ("direct", "maria@example.com"),
    ]
    assert data["channels"][-1]["person"] == "maria@example.com"
    first = next(message for message in data["messages"] if message["channel"] == P1)
    assert first["why"] == {"reason": "first", "route": "payments/p1", "incident": 1234}
    assert first["edits"] == 1
    assert [sound["who"] for sound in data["sounds"][:2]] == ["#incidents-p1", "maria@example.com"]
    assert [item["channel"] for item in data["waiting"]] == [conversation_id("#web"), ""]


def test_only_the_pages_own_files_are_served() -> None:
    assert all(preview_asset(name) for name in ASSETS)
    assert preview_asset("../page.py") is None
    assert "<script>" not in preview_html()
    assert "style=" not in preview_html()


class Site:
    """The page with a story behind it that a test may carry on."""

    def __init__(self) -> None:
        self.rows = MemoryRows()
        self.clock = Hand(datetime(2026, 11, 21, 2, 14, tzinfo=UTC))
        self.preview = Preview(self.rows, self.clock)
        self.is_down = False

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/preview", self._page)
        app.router.add_get("/preview/data.json", self._data)
        app.router.add_get("/preview/{name}", self._asset)
        return app

    async def _page(self, _request: web.Request) -> web.Response:
        policy = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return web.Response(text=preview_html(), content_type="text/html", headers=policy)

    async def _data(self, _request: web.Request) -> web.Response:
        if self.is_down:
            raise web.HTTPServiceUnavailable
        return web.Response(body=shown(self.rows, self.clock()), content_type="application/json")

    async def _asset(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.Response(body=preview_asset(name), content_type=ASSETS[name])


@pytest.fixture
async def site() -> AsyncIterator[tuple[Site, str]]:
    there = Site()
    await story(there.rows, there.clock)
    async with TestServer(there.app()) as server:
        yield there, str(server.make_url("/preview"))


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser, site: tuple[Site, str]) -> AsyncIterator[Page]:
    """Already open at the story's end; a page that logs an error or breaks its own policy fails the test."""
    page = await browser.new_page(timezone_id="UTC", locale="en-GB")
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    await page.clock.set_fixed_time(site[0].clock())
    await page.goto(site[1])
    await expect(page.locator("#status")).to_have_text("live")
    yield page
    assert [line for line in complaints if "503" not in line] == []


@needs_chromium
async def test_a_channel_reads_as_in_slack(page: Page) -> None:
    await expect(page.get_by_role("heading", name="#incidents-p1")).to_be_visible()
    message = page.locator("#list > .message").first
    await expect(message).to_contain_text("CRITICAL #1234 InstanceDown ×17 · team payments, cluster eu-1")
    await expect(message.get_by_role("img", name="critical")).to_be_visible()
    await expect(message.locator("strong", has_text="web-1")).to_be_visible()
    await expect(message).to_contain_text("• <!channel> stays text")
    await expect(message.locator("code", has_text="instance=web-1")).to_be_visible()
    await expect(
        message.locator("time", has_text=re.compile(r"today 02:12 \(\d+ (second|minute|hour)s? ago\)"))
    ).to_be_visible()
    await expect(message.get_by_role("link", name="runbook")).to_have_attribute(
        "href", "https://wiki.example/instance-down"
    )
    bar = await message.locator(".bar").evaluate("bar => getComputedStyle(bar, '::before').backgroundColor")
    assert bar == "rgb(224, 30, 90)"
    await expect(message.locator(".replies > .message")).to_have_count(2)
    await expect(page.locator("#list > .message").nth(1)).to_contain_text("replied to a thread, shown to the channel")


@needs_chromium
async def test_it_shows_what_slack_does_not(page: Page) -> None:
    message = page.locator("#list > .message").first
    marks = message.locator(":scope > div > .marks .mark")
    await expect(marks).to_have_text(
        [
            "rang for everyone in #incidents-p1: new message",
            "edited once, without a sound",
            "here because: first · payments/p1 · #1234",
        ]
    )
    await expect(message.locator(".replies .marks").first).to_contain_text("no sound")
    aside = page.get_by_role("complementary", name="What Slack does not show")
    await expect(aside).to_contain_text("2 alerts: HighLatency")
    await expect(aside).to_contain_text("told in 18 s")
    await expect(aside).to_contain_text("told when the inhibitor ends")
    await page.get_by_role("navigation").get_by_role("link", name="#web").click()
    here = page.get_by_role("list", name="Waiting for this conversation")
    await expect(here).to_contain_text("2 alerts, told in 18 s · HighLatency · group_wait")
    await expect(page.locator("#list")).to_contain_text(
        "Over #1232 CRITICAL BackupFailed — payments, eu-1: no word for 26 h, presumed over"
    )


@needs_chromium
async def test_it_follows_live_and_says_so_to_a_screen_reader(page: Page, site: tuple[Site, str]) -> None:
    there, _ = site
    told = incident_message(instance_down(18), is_primary=True)
    first = min(row.ts for row in there.rows.all if row.channel == P1)
    await there.preview.edit(P1, first, told, Tag("prod", "d1", 1234))
    await expect(page.locator("#list > .message").first).to_contain_text("InstanceDown ×18")
    await expect(page.locator("[aria-live=polite]").last).to_contain_text("Edited in #incidents-p1: CRITICAL #1234")
    await there.preview.post("#web", told, Tag("prod", "d9", 1234))
    web_link = page.get_by_role("navigation").get_by_role("link", name="#web")
    await expect(web_link).to_contain_text("1 new with sound")
    there.is_down = True
    await expect(page.locator("#status")).to_have_text("not connected: the router answered 503")
    there.is_down = False
    await expect(page.locator("#status")).to_have_text("live")


@needs_chromium
async def test_what_a_sender_wrote_never_becomes_markup(page: Page, site: tuple[Site, str]) -> None:
    there, _ = site
    nasty = "<img src=x onerror=alert(1)><script>alert(1)</script> javascript:alert(1) `&lt;b&gt;`"
    view = msgspec.structs.replace(instance_down(1), number=9, title=nasty, summary=nasty)
    await there.preview.post("#incidents-p1", incident_message(view, is_primary=True), Tag("prod", "d9", 9))
    last = page.locator("#list > .message").last
    await expect(last).to_contain_text("<img src=x onerror=alert(1)>")
    await expect(page.locator("#list img, #list script, #list b b")).to_have_count(0)
    forged = Rendered(
        text="x", blocks=({"type": "section", "text": {"type": "mrkdwn", "text": "<javascript:alert(1)|click>"}},)
    )
    row = there.rows.all[-1]
    await there.rows.replace(msgspec.structs.replace(row, blocks=forged.blocks, edits=1))
    await expect(last).to_contain_text("click")
    await expect(last.get_by_role("link", name="click")).to_have_count(0)


@needs_chromium
async def test_it_is_used_with_the_keyboard_and_keeps_the_focus_while_it_follows(
    page: Page, site: tuple[Site, str]
) -> None:
    there, _ = site
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to messages")).to_be_focused()
    for _ in range(3):  # past who one is
        await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="#quiet")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="#quiet")).to_be_visible()
    await there.preview.post("#quiet", incident_message(instance_down(1), is_primary=True), Tag("prod", "d9", 1))
    await expect(page.locator("#list")).to_contain_text("InstanceDown")
    assert await page.evaluate("document.activeElement.textContent") == "#quiet"


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_contrast(browser: Browser, site: tuple[Site, str], scheme: str) -> None:
    page = await browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    await page.goto(site[1])
    await expect(page.locator("#list > .message").first).to_be_visible()
    weak = await page.evaluate(CONTRAST)
    assert weak == []


@needs_chromium
async def test_it_fits_a_phone(browser: Browser, site: tuple[Site, str]) -> None:
    page = await browser.new_page(viewport={"width": 390, "height": 844})
    await page.goto(site[1])
    await expect(page.locator("#list > .message").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    heights = await page.locator("nav a").evaluate_all("links => links.map(link => link.offsetHeight)")
    assert min(heights) >= 38


@needs_chromium
async def test_an_empty_page_says_what_to_do(browser: Browser) -> None:
    there = Site()
    async with TestServer(there.app()) as server:
        page = await browser.new_page()
        await page.goto(str(server.make_url("/preview")))
        await expect(page.locator("#empty")).to_contain_text("Send an alert")
        await expect(page.locator("#sounds")).to_have_text("No phone has rung.")


CONTRAST = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => part / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$|0\\.\\d+\\)$|transparent/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const leaves = [...document.querySelectorAll("body *")].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()) && element.offsetWidth > 1);
  return leaves.flatMap((element) => {
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    return ratio < 4.5 ? [`${element.tagName}.${element.className} ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`] : [];
  });
}"""
