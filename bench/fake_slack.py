"""A Slack that says yes at once and remembers when each alert was first posted. A process: `python -m bench.fake_slack PORT`.

Not the strict one of the tests: this one must cost nothing. GET /seen answers {pod: monotonic ns of arrival}.
"""

import asyncio
import itertools
import re
import sys
import time
from urllib.parse import parse_qs

import msgspec

_POD = re.compile(rb"pod-\d{7}")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")

seen: dict[str, int] = {}
numbers = itertools.count(1)


def answer(method: str, form: dict[str, list[str]]) -> dict[str, object]:
    """What each method's caller reads; a field too many harms nobody."""
    said: dict[str, object] = {"ok": True, "team_id": "T0BENCH00", "user_id": "U0BENCH00", "bot_id": "B0BENCH00"}
    channel = form.get("channel", ["C0BENCH000"])[0]
    if method == "conversations.info":
        return {**said, "channel": {"id": channel, "name": channel.lower(), "is_member": True}}
    if method in {"chat.postMessage", "chat.update"}:
        ts = form.get("ts", [f"{int(time.time())}.{next(numbers):06d}"])[0]
        return {**said, "channel": channel, "ts": ts}
    return {
        **said,
        "channels": [],
        "messages": [],
        "members": [],
        "has_more": False,
        "response_metadata": {"next_cursor": ""},
    }


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            arrived = time.monotonic_ns()
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            path = head.split(b" ", 2)[1].decode()
            if path == "/seen":
                said: dict[str, object] = dict(seen)
            else:
                for pod in _POD.findall(body):
                    seen.setdefault(pod.decode(), arrived)
                said = answer(path.rsplit("/", 1)[-1], parse_qs(body.decode()))
            encoded = msgspec.json.encode(said)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(encoded)
                + encoded
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=1 << 20)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
