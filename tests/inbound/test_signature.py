"""Whether bytes are Slack's: every way to forge, delay, repeat or garble a request, and the clock that is off."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import Clock as SdkClock
from slack_sdk.signature import SignatureVerifier

from router.notifiers.slack.inbound.signature import SIGNATURE, TIMESTAMP, Disbelief, Proof, Refused, Signatures
from tests.slack.conftest import START, HandClock
from tests.slackworld.acting import SIGNING_SECRET, sign

BODY = b'{"type":"event_callback"}'


def ask(
    gate: Signatures, headers: dict[str, str], body: bytes = BODY, *, secrets: tuple[str, ...] = (SIGNING_SECRET,)
) -> Proof | Refused:
    found = gate.prove(
        secrets,
        [headers[TIMESTAMP]] if TIMESTAMP in headers else [],
        [headers[SIGNATURE]] if SIGNATURE in headers else [],
        body,
    )
    return found.reason if isinstance(found, Disbelief) else found


def test_what_slack_signs_is_believed_once() -> None:
    """Row 12."""
    clock = HandClock()
    gate = Signatures(clock)
    headers = sign(BODY, clock.now())
    assert isinstance(ask(gate, headers), Proof)
    assert ask(gate, headers) is Refused.REPLAYED
    clock.advance(seconds=1)
    assert isinstance(ask(gate, sign(BODY, clock.now())), Proof)


def test_the_sdks_own_signature_is_believed_and_it_believes_ours() -> None:
    class At(SdkClock):
        def now(self) -> float:
            return START.timestamp()

    verifier = SignatureVerifier(SIGNING_SECRET, At())
    timestamp = str(int(START.timestamp()))
    theirs = verifier.generate_signature(timestamp=timestamp, body=BODY)
    assert theirs is not None
    assert isinstance(ask(Signatures(HandClock()), {TIMESTAMP: timestamp, SIGNATURE: theirs}), Proof)
    ours = sign(BODY, START)
    assert verifier.is_valid(BODY, ours[TIMESTAMP], ours[SIGNATURE])


def test_an_altered_body_time_or_secret_is_a_forgery() -> None:
    clock = HandClock()
    headers = sign(BODY, clock.now())
    later = {**headers, TIMESTAMP: str(int(headers[TIMESTAMP]) + 1)}
    gate = Signatures(clock)
    assert ask(gate, headers, BODY + b" ") is Refused.FORGED
    assert ask(gate, later) is Refused.FORGED
    assert ask(gate, sign(BODY, clock.now(), secret="another")) is Refused.FORGED
    # An old one that is not ours says nothing about our clock.
    assert ask(gate, sign(BODY, START - timedelta(days=1), secret="another")) is Refused.FORGED
    assert isinstance(ask(gate, headers), Proof)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_of_several_secrets_is_accepted_while_they_are_rotated(number: int) -> None:
    secrets = ("old", SIGNING_SECRET, "new")
    assert isinstance(ask(Signatures(HandClock()), sign(BODY, START, secret=secrets[number]), secrets=secrets), Proof)
    assert ask(Signatures(HandClock()), sign(BODY, START, secret="neither"), secrets=secrets) is Refused.FORGED


@pytest.mark.parametrize(("off_s", "is_believed"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_five_minutes_and_no_more(off_s: int, is_believed: bool) -> None:
    found = ask(Signatures(HandClock()), sign(BODY, START - timedelta(seconds=off_s)))
    assert isinstance(found, Proof) is is_believed
    if not is_believed:
        assert found is Refused.STALE


def test_a_stale_one_says_how_far_the_clocks_are_apart() -> None:
    headers = sign(BODY, START - timedelta(minutes=7))
    found = Signatures(HandClock()).prove([SIGNING_SECRET], [headers[TIMESTAMP]], [headers[SIGNATURE]], BODY)
    assert found == Disbelief(Refused.STALE, timedelta(minutes=7))


def test_without_a_secret_or_a_header_nothing_is_believed() -> None:
    gate, headers = Signatures(HandClock()), sign(BODY, START)
    assert ask(gate, headers, secrets=()) is Refused.UNCONFIGURED
    # Who scans the world for open addresses must not make the router say that something is amiss.
    assert ask(gate, {}, secrets=()) is Refused.UNSIGNED
    assert ask(gate, {**headers, SIGNATURE: "x"}, secrets=()) is Refused.GARBLED
    assert ask(gate, {}) is Refused.UNSIGNED
    assert ask(gate, {TIMESTAMP: headers[TIMESTAMP]}) is Refused.UNSIGNED
    assert ask(gate, {SIGNATURE: headers[SIGNATURE]}) is Refused.UNSIGNED


GOOD = sign(BODY, START)


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        ("", GOOD[SIGNATURE]),
        ("now", GOOD[SIGNATURE]),
        ("1e9", GOOD[SIGNATURE]),
        ("-1772625600", GOOD[SIGNATURE]),
        (" 1772625600", GOOD[SIGNATURE]),
        ("١٧٧٢٦٢٥٦٠٠", GOOD[SIGNATURE]),
        ("9" * 5000, GOOD[SIGNATURE]),
        (GOOD[TIMESTAMP], ""),
        (GOOD[TIMESTAMP], "v0="),
        (GOOD[TIMESTAMP], GOOD[SIGNATURE][:-1]),
        (GOOD[TIMESTAMP], GOOD[SIGNATURE] + "0"),
        (GOOD[TIMESTAMP], GOOD[SIGNATURE].upper()),
        (GOOD[TIMESTAMP], "v1=" + GOOD[SIGNATURE][3:]),
        (GOOD[TIMESTAMP], "v0=" + "é" * 64),
        (GOOD[TIMESTAMP], "v0=" + "\udcff" * 64),
        (GOOD[TIMESTAMP], "v0=" + "\x00" * 64),
    ],
)
def test_what_slack_never_writes_is_garbled(timestamp: str, signature: str) -> None:
    assert ask(Signatures(HandClock()), {TIMESTAMP: timestamp, SIGNATURE: signature}) is Refused.GARBLED


def test_two_of_a_header_are_garbled() -> None:
    gate = Signatures(HandClock())
    times, signatures = [GOOD[TIMESTAMP]], [GOOD[SIGNATURE]]
    for found in (
        gate.prove([SIGNING_SECRET], times * 2, signatures, BODY),
        gate.prove([SIGNING_SECRET], times, signatures * 2, BODY),
    ):
        assert found == Disbelief(Refused.GARBLED)


@given(st.lists(st.text(), max_size=2), st.lists(st.text(), max_size=2), st.binary())
def test_nothing_in_a_header_raises(timestamps: list[str], signatures: list[str], body: bytes) -> None:
    assert isinstance(Signatures(HandClock()).prove(["x"], timestamps, signatures, body), Disbelief)


def test_what_was_let_through_is_remembered_for_as_long_as_it_would_be_again() -> None:
    clock = HandClock()
    gate = Signatures(clock)
    # Slack's clock is ahead: what it signs can be sent again for nearly ten minutes.
    headers = sign(BODY, clock.now() + timedelta(seconds=290))
    assert isinstance(ask(gate, headers), Proof)
    clock.advance(seconds=590)
    assert ask(gate, headers) is Refused.REPLAYED
    clock.advance(seconds=1)
    assert ask(gate, headers) is Refused.STALE
    ask(gate, sign(BODY, clock.now()))
    assert len(gate) == 1


def test_the_memory_is_bounded() -> None:
    clock = HandClock()
    gate = Signatures(clock, remembered=100)
    for number in range(250):
        assert isinstance(ask(gate, sign(b"%d" % number, clock.now()), b"%d" % number), Proof)
        assert len(gate) <= 100
    assert ask(gate, sign(b"249", clock.now()), b"249") is Refused.REPLAYED


def test_a_request_that_was_not_carried_out_may_come_again() -> None:
    """Slack's first retry after a 503 comes at once: within the same second its signature is the same."""
    gate, headers = Signatures(HandClock()), sign(BODY, START)
    proof = ask(gate, headers)
    assert isinstance(proof, Proof)
    gate.forget(proof)
    assert isinstance(ask(gate, headers), Proof)
    assert ask(gate, headers) is Refused.REPLAYED
