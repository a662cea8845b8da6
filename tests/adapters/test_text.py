"""Texts, times and bodies at their edges: what the samples have no room for."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from adapters.adapter import Limits, PayloadError
from adapters.body import anything, is_nested_deeper
from adapters.text import clean, cut, line, written
from adapters.times import instant, milliseconds

AT = datetime(2024, 3, 4, 10, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2024-03-04T10:11:12Z", "2024-03-04T12:11:12+02:00", "2024-03-04 10:11:12", " 2024-03-04T10:11:12.000000000Z ",
        1709547072, 1709547072.0, 1709547072_000, 1709547072_000_000, 1709547072_000_000_000, "1709547072", " 1709547072000 ",
    ],
)  # fmt: skip
def test_one_instant_written_in_many_ways(value: object) -> None:
    assert instant(value) == AT
    assert milliseconds(AT) == 1709547072_000


def test_lines_are_the_first_that_says_something() -> None:
    assert line("\n  \n two  words \nmore") == "two words"
    assert line("\n \t\n") == ""
    assert line("x" * 3000) == "x" * 1021 + "…"


def test_a_cut_never_splits_a_character() -> None:
    assert cut("ééé", 6) == "ééé"
    assert cut("ééé", 5) == "é…"
    assert cut("abc", 1) == "…"


def test_line_ends_are_one_kind() -> None:
    assert clean("a\r\nb\rc\x85") == "a\nb\nc\ufffd"


def test_values_as_a_person_writes_them() -> None:
    assert [written(value) for value in ("a", None, True, 1.5, {"a": [1]})] == ["a", "", "true", "1.5", '{"a":[1]}']
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert written(deep) == ""


def test_nesting_is_counted_to_the_level() -> None:
    assert not is_nested_deeper("[[[", 0)
    assert not is_nested_deeper([{}], 2)
    assert is_nested_deeper([{"a": [1]}, "x"], 2)
    assert not is_nested_deeper(["[[[[", [], {"a": "[[["}], 2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'["\x01",' + b"[" * 5_000 + b"]" * 5_000 + b"]", "nested too deep"),
        (b"[1e999," + b"[" * 5_000 + b"]" * 5_000 + b"]", "nested too deep"),
        (b"[1e999,NaN]", "NaN is not JSON"),
        (b"[1e999,oops]", "Expecting value"),
    ],
)
def test_two_mistakes_in_one_body_are_still_one_refusal(body: bytes, message: str) -> None:
    with pytest.raises(PayloadError) as refused:
        anything(body, Limits())
    assert refused.value.message == message


def test_numbers_too_big_for_a_double_are_text() -> None:
    assert anything(b"[1e999,-1e999,2.5,7]", Limits()) == ["1e999", "-1e999", 2.5, 7]
    assert anything(b"[1e999," + b"9" * 400 + b"]", Limits()) == ["1e999", "9" * 400]
    assert msgspec.json.encode(anything(b'["\\ud800",1e999]', Limits())) == '["\ufffd","1e999"]'.encode()
