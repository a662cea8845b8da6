"""The normal form: identity as Alertmanager computes it, and the common scale."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.alert import Severity, fingerprint, worst

REAL = {
    "781103df8f5daece": {
        "alertname": "InstanceDown", "instance": "web-7:9100", "job": "node", "severity": "critical", "cluster": "eu1",
    },
    "a1bc48475b20e73d": {"alertname": "High CPU Temperature", "host": "andromeda", "severity": "critical"},
}  # fmt: skip


def plainly(labels: dict[str, str]) -> str:
    value = 0xCBF29CE484222325
    for name, text in sorted(labels.items()):
        for byte in name.encode() + b"\xff" + text.encode() + b"\xff" if text else b"":
            value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def test_fingerprints_are_those_that_alertmanager_gave() -> None:
    assert {fingerprint(labels): labels for labels in REAL.values()} == REAL


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))))
def test_fingerprint_is_fnv_1a_of_the_sorted_pairs(labels: dict[str, str]) -> None:
    assert fingerprint(labels) == plainly(labels)


def test_empty_values_do_not_count() -> None:
    assert fingerprint({"a": "b", "c": ""}) == fingerprint({"a": "b"})


def test_the_scale_is_ordered() -> None:
    assert [severity.rank for severity in Severity] == [4, 3, 2, 1, 0]
    assert worst([Severity.LOW, Severity.HIGH, Severity.INFO]) is Severity.HIGH
    assert worst([]) is Severity.INFO
