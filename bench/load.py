"""The load generator, a process of its own: `python -m bench.load PLAN` prints a Result.

Blocking sockets under one epoll, prebuilt bytes, one request in flight per connection: what it costs per request is
two system calls and little else, so that the server is what is measured.
"""

import select
import socket
import sys
import time
from collections.abc import Iterator

import msgspec

from bench.payload import alert, refreshed, requests


class Sending(msgspec.Struct, frozen=True):
    """What to send where: alerts `first` … `first + count`, in requests of `batch`."""

    port: int
    starts_at: str
    """Of every alert: the same whenever one is sent again."""
    first: int
    count: int
    batch: int
    seconds: float = 0
    """Send all of them again and again for about so long; 0: once."""
    per_second: float = 0
    """Requests are spaced in time, and Result.answered_ns is kept; 0: as fast as they are answered."""
    connections: int = 8


class Result(msgspec.Struct, frozen=True):
    """What came of it. Pauses to prepare the next round's bytes are not counted."""

    alerts: int
    requests: int
    seconds: float
    refused: int
    """Answers other than 2xx."""
    answered_ns: dict[str, int] = {}
    """Monotonic time of the 2xx by `pod` label, of spaced requests."""


class Answers:
    """Reads one keep-alive connection's answers."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""

    def take(self) -> int | None:
        """The status of a complete answer; None: there is more to come."""
        data = self.socket.recv(65536)
        if not data:
            message = "the server closed the connection"
            raise ConnectionError(message)
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found:
            return None
        lower = head.lower()
        at = lower.find(b"content-length:")
        if at < 0:
            message = f"an answer without Content-Length: {head[:200]!r}"
            raise ConnectionError(message)
        if len(body) < int(lower[at + 15 :].split(b"\r\n", 1)[0]):
            return None
        self._read = b""
        return int(head[9:12])


def drive(answers: list[Answers], sendable: list[bytes]) -> tuple[float, int]:
    """Send all, each connection its next as soon as it is answered. Seconds, and how many were refused."""
    poll = select.epoll()
    by_number = {each.socket.fileno(): each for each in answers}
    todo: Iterator[bytes] = iter(sendable)
    waiting = refused = 0
    begun = time.perf_counter()
    for number, connection in by_number.items():
        first = next(todo, None)
        if first is not None:
            poll.register(number, select.EPOLLIN)
            connection.socket.sendall(first)
            waiting += 1
    while waiting:
        ready = poll.poll(30)
        if not ready:
            message = "no answer for 30 s"
            raise TimeoutError(message)
        for number, _ in ready:
            connection = by_number[number]
            status = connection.take()
            if status is None:
                continue
            refused += not 200 <= status < 300
            following = next(todo, None)
            if following is None:
                waiting -= 1
            else:
                connection.socket.sendall(following)
    seconds = time.perf_counter() - begun
    poll.close()
    return seconds, refused


def spaced(plan: Sending, answers: Answers, sendable: list[bytes]) -> Result:
    """One request every 1/per_second, on one connection. Late ones are sent at once: the schedule does not slip."""
    answered: dict[str, int] = {}
    refused = 0
    begun = time.perf_counter()
    for number, each in enumerate(sendable):
        wait = begun + number / plan.per_second - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        answers.socket.sendall(each)
        status = None
        while status is None:
            status = answers.take()
        if 200 <= status < 300:
            labels = alert(plan.first + number, "")["labels"]
            assert isinstance(labels, dict)
            answered[labels["pod"]] = time.monotonic_ns()
        else:
            refused += 1
    seconds = time.perf_counter() - begun
    return Result(len(sendable), len(sendable), seconds, refused, answered)


def carry_out(plan: Sending) -> Result:
    prebuilt = requests(plan.port, range(plan.first, plan.first + plan.count), plan.batch, plan.starts_at)
    answers = [Answers(plan.port) for _ in range(plan.connections)]
    if plan.per_second:
        return spaced(plan, answers[0], refreshed(prebuilt))
    rounds, seconds, refused = 0, 0.0, 0
    while not rounds or seconds < plan.seconds:
        took, refused_now = drive(answers, refreshed(prebuilt))
        rounds, seconds, refused = rounds + 1, seconds + took, refused + refused_now
    return Result(rounds * plan.count, rounds * len(prebuilt), seconds, refused)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(carry_out(msgspec.json.decode(sys.argv[1], type=Sending))))
