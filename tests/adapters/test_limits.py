"""Bounds on one alert, at the bound and one beyond it: what is too much is refused by name, never cut."""

import pytest

from adapters.adapter import ItemError, Limits
from adapters.labels import annotations, checked

LIMITS = Limits()


def many(count: int) -> dict[str, str]:
    return {f"label{number}": "x" for number in range(count)}


def test_as_many_labels_as_may_be() -> None:
    assert len(checked(many(LIMITS.labels), LIMITS)) == LIMITS.labels
    with pytest.raises(ItemError, match=f"{LIMITS.labels + 1} labels"):
        checked(many(LIMITS.labels + 1), LIMITS)


def test_as_many_annotations_as_may_be() -> None:
    assert len(annotations(many(LIMITS.labels), LIMITS)) == LIMITS.labels
    with pytest.raises(ItemError, match=f"{LIMITS.labels + 1} annotations"):
        annotations(many(LIMITS.labels + 1), LIMITS)


def test_a_value_is_as_long_as_it_may_be_in_bytes() -> None:
    whole = "é" * (LIMITS.value_bytes // 2)
    assert checked({"a": whole}, LIMITS) == {"a": whole}
    with pytest.raises(ItemError, match=f"{LIMITS.value_bytes + 2} bytes"):
        checked({"a": whole + "é"}, LIMITS)


def test_a_name_is_as_long_as_it_may_be_in_bytes() -> None:
    assert checked({"n" * LIMITS.name_bytes: "x"}, LIMITS)
    with pytest.raises(ItemError, match=f"{LIMITS.name_bytes + 1} bytes"):
        checked({"n" * (LIMITS.name_bytes + 1): "x"}, LIMITS)
