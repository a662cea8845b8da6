"""Signing in with a real browser, at the real process, and every page behind it."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import ConsoleMessage, Page, async_playwright, expect

from tests.preview.test_preview_page import ARGUMENTS
from tests.process import RouterProcess, running, until

pytestmark = pytest.mark.needs("chromium")
TOKEN = "read-token-of-a-person"
CONFIGURATION = """
version: 1
server: {listen: "<listen>", tokens: {read: {env: READ}, admin: {env: ADMIN}}}
storage: {path: "<database>"}
slack: preview
sources: {shell: {adapter: generic, auth: none}}
routing: {channel: "#ops", group_wait: 0s}
"""
TO_SLACK = CONFIGURATION.replace("slack: preview", 'slack: {token: {env: READ}, api_url: "<slack>"}')
ENVIRONMENT = {"READ": TOKEN, "ADMIN": "admin-token-of-a-person"}


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield await browser.new_page()
        await browser.close()


async def sign_in(page: Page) -> None:
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button", name="Sign in").click()


async def open_incident(service: RouterProcess) -> None:
    alert = {"title": "Disk full", "severity": "critical", "status": "firing"}
    assert await service.post("/webhook/shell", alert) == 200

    async def is_open() -> bool | None:
        address = f"{service.url}/api/incidents"
        async with service.session.get(address, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            return bool((await answer.json())["incidents"]) or None

    await until(is_open, "an incident")


def is_ours(line: ConsoleMessage) -> bool:
    """An error, and not that there is no icon, which the browser asks for by itself."""
    return line.type == "error" and not line.location.get("url", "").endswith("/favicon.ico")


async def test_a_person_signs_in_and_sees_every_page(tmp_path: Path, page: Page) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if is_ours(line) else None)
    async with running(tmp_path, CONFIGURATION, environment=ENVIRONMENT) as service:
        await open_incident(service)
        await page.goto(f"{service.url}/incidents/1")
        await expect(page).to_have_url(f"{service.url}/sign-in?next=%2Fincidents%2F1")
        await page.get_by_label("Token").fill("wrong-token")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_have_text("This token is not known here.")
        assert complaints.pop().startswith("Failed to load resource: the server responded with a status of 401")
        await sign_in(page)
        await expect(page).to_have_url(f"{service.url}/incidents/1")
        await expect(page.get_by_role("heading", name="#1 Disk full")).to_be_visible()
        await page.goto(f"{service.url}/")
        await expect(page).to_have_url(re.compile(f"^{re.escape(service.url)}/preview(#.*)?$"))
        await expect(page.locator("#status")).to_have_text("live")
        await expect(page.locator("#list")).to_contain_text("Disk full")
        for path in (
            "/api/alerts",
            "/api/incidents",
            "/api/messages",
            "/incidents/1",
            "/preview",
            "/metrics",
            "/readyz",
        ):
            answer = await page.goto(service.url + path)
            assert answer is not None
            assert (answer.status, answer.url) == (200, service.url + path)
        assert complaints == []


async def test_a_link_from_elsewhere_finds_who_is_signed_in(tmp_path: Path, page: Page) -> None:
    async with running(tmp_path, CONFIGURATION, environment=ENVIRONMENT) as service:
        await open_incident(service)
        await page.goto(f"{service.url}/sign-in?next=/incidents/1")
        await sign_in(page)
        await expect(page.get_by_role("heading", name="#1 Disk full")).to_be_visible()

        async def elsewhere(_: web.Request) -> web.Response:
            link = f'<a href="{service.url}/incidents/1">why am I seeing this</a>'
            form = f'<form method="post" action="{service.url}/sign-out"><button>out</button></form>'
            return web.Response(text=link + form, content_type="text/html")

        application = web.Application()
        application.router.add_get("/", elsewhere)
        async with TestServer(application) as server:
            foreign = f"http://localhost:{server.port}/"  # to a browser another site than 127.0.0.1
            await page.goto(foreign)
            await page.get_by_role("link").click()
            await expect(page.get_by_role("heading", name="#1 Disk full")).to_be_visible()
            await page.goto(foreign)
            await page.get_by_role("button", name="out").click()
            await expect(page.locator("body")).to_contain_text("a page of another site asked for this")
        answer = await page.goto(f"{service.url}/incidents/1")
        assert answer is not None
        assert answer.status == 200


async def test_a_person_signs_out(tmp_path: Path, page: Page) -> None:
    async with running(tmp_path, TO_SLACK, environment=ENVIRONMENT) as service:
        await page.goto(service.url)
        await sign_in(page)
        await page.get_by_role("link", name="Open incidents").click()
        await expect(page.locator("body")).to_contain_text('"incidents"')
        await page.go_back()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_url(f"{service.url}/sign-in")
        await page.goto(service.url)
        await expect(page).to_have_url(f"{service.url}/sign-in?next=%2F")
