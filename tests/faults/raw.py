"""HTTP as no client library would send it: any header, any body, in pieces, to the real process."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping

import msgspec

PIECE = 256 * 1024


class Request(msgspec.Struct, frozen=True):
    """Bytes to send. `size` is what the head promises; None: in chunks."""

    path: str
    body: Iterable[bytes]
    size: int | None
    headers: Mapping[str, str] = {}
    method: str = "POST"


def request(path: str, body: bytes, *, headers: Mapping[str, str] | None = None, method: str = "POST") -> Request:
    pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)]
    return Request(
        path, pieces, len(body), {"Content-Type": "application/json"} if headers is None else headers, method
    )


async def exchange(port: int, wanted: Request, *, within: float = 10) -> int:
    """The status of the answer. What is left of the body when it comes is not sent."""
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = asyncio.create_task(reader.readline())
        try:
            with contextlib.suppress(ConnectionError):
                writer.write(_head(wanted))
                for piece in filter(None, wanted.body):  # an empty chunk would be the last
                    if answer.done():
                        break
                    writer.write(piece if wanted.size is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
                    await writer.drain()
                else:
                    writer.write(b"" if wanted.size is not None else b"0\r\n\r\n")
                    await writer.drain()
            line = await answer
        finally:
            answer.cancel()
            writer.close()
    return int(line.split()[1])


def _head(wanted: Request) -> bytes:
    lines = [f"{wanted.method} {wanted.path} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in wanted.headers.items()]
    known = {name.lower() for name in wanted.headers}
    if wanted.size is not None and "content-length" not in known:
        lines.append(f"Content-Length: {wanted.size}")
    if wanted.size is None and "transfer-encoding" not in known:
        lines.append("Transfer-Encoding: chunked")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
