"""A newcomer's first minute: the example configuration, the line it prints, and the page, in a real browser."""

import re
import shlex
import shutil
import uuid
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from tests.process import ROOT, RouterProcess, free_port

BROWSER = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
TOLD_WITHIN_MS = 5_000


@pytest.mark.needs("chromium")
async def test_the_printed_line_stands_on_the_page_is_edited_and_ended(tmp_path: Path) -> None:
    port = free_port()
    example = (ROOT / "config.example.yaml").read_text()
    assert "listen: 127.0.0.1:9080" in example
    text = example.replace("listen: 127.0.0.1:9080", f"listen: 127.0.0.1:{port}")
    title = f"Disk {uuid.uuid5(uuid.NAMESPACE_OID, str(tmp_path)).hex[:8]} is full"
    service = RouterProcess(tmp_path, text, port=port, environment={}, log_format="console")
    async with service as router, async_playwright() as playwright:
        await router.start()
        printed = re.search(r"^ +(curl .*)$", router.words, re.MULTILINE)
        assert printed is not None, router.words
        line = re.sub(r'"Try [^"]*"', f'"{title}"', printed[1])
        assert title in line

        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(BROWSER))
        page = await browser.new_page()
        await page.goto(f"{router.url}/preview")
        message = page.locator("#list > .message").filter(has_text=title)

        await type_in(line, router)
        # Before its group_wait is over the page says that it waits; 10 s is the example's.
        await expect(page.get_by_text(title).first).to_be_visible(timeout=TOLD_WITHIN_MS)
        await expect(message).to_contain_text(f"HIGH #1 {title}", timeout=10_000 + TOLD_WITHIN_MS)
        await type_in(line.replace('"severity": "high"', '"severity": "critical"'), router)
        await expect(message).to_contain_text(f"CRITICAL #1 {title}", timeout=TOLD_WITHIN_MS)
        await type_in(line.replace('"status": "firing"', '"status": "resolved"'), router)
        await expect(message).to_contain_text(f"Resolved #1 CRITICAL {title}", timeout=TOLD_WITHIN_MS)
        await browser.close()


async def type_in(line: str, router: RouterProcess) -> None:
    """What a shell and curl make of the line; curl itself need not be installed here."""
    program, address, *options = shlex.split(line)
    assert program == "curl"
    assert options[0::2] == ["-H", "-d"]
    name, _, value = options[1].partition(": ")
    async with router.session.post(address, headers={name: value}, data=options[3]) as answer:
        assert answer.status == 200, await answer.text()
