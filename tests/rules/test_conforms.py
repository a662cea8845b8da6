"""The quick judgement and jsonschema's agree, on every mistake we know of and on values at random."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from rules.language.schema import schema
from rules.language.schema_check import schema_check
from rules.language.yaml import YamlError, plain, read
from tests.rules.test_mistakes import MISTAKES

WHOLE = schema()
PARTS = WHOLE["$defs"]
SPOTS = [(name, key, part) for name, one in PARTS.items() for key, part in one.get("properties", {}).items()]


@pytest.mark.parametrize("text", [text for _, text, _ in MISTAKES], ids=[name for name, *_ in MISTAKES])
def test_they_agree_on_known_mistakes(text: str) -> None:
    try:
        document = plain(read(text)[0])
    except YamlError:
        return  # no document, nothing to agree on
    assert schema_check(WHOLE)(document) == Draft202012Validator(WHOLE).is_valid(document)


WORDS = ["none", "#a", "10m", "", "mon 09:00", "09:00-18:00", "high", "2026-12-24", "mon-fri", "{a=b}", "::", "3..5"]
SCALARS = st.sampled_from(WORDS) | st.none() | st.booleans() | st.integers(-40, 40) | st.sampled_from([1.0, 0.5, -40.5])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["env", "name", "x-y", "a"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(SPOTS), VALUES)
def test_they_agree_on_any_value_anywhere(spot: tuple[str, str, dict[str, Any]], value: Any) -> None:
    part = {**spot[2], "$defs": PARTS}
    assert schema_check(part)(value) == Draft202012Validator(part).is_valid(value)


@pytest.mark.parametrize(
    ("part", "yes", "no"),
    [
        ({"type": ["string", "integer"]}, ["a", 1, 1.0], [True, 1.5, None, []]),
        ({"minimum": 2, "maximum": 3}, [2, 3, "a", True], [1, 4]),
        ({"maxLength": 2, "maxItems": 1, "minItems": 1}, ["ab", [1], 5], ["abc", [1, 2], []]),
        ({"uniqueItems": True}, [["a", "b"], "aa"], [["a", "a"]]),
        ({"additionalProperties": {"type": "string"}}, [{"a": "b"}, "x"], [{"a": 1}]),
        ({"patternProperties": {"^x-": {}}, "additionalProperties": False}, [{"x-a": 1}], [{"a": 1}]),
    ],
)
def test_each_keyword(part: dict[str, Any], yes: list[Any], no: list[Any]) -> None:
    validator = Draft202012Validator(part)
    for value in yes:
        assert schema_check(part)(value)
        assert validator.is_valid(value)
    for value in no:
        assert not schema_check(part)(value)
        assert not validator.is_valid(value)


@pytest.mark.parametrize("part", [{"oneOf": []}, {"const": 5}, {"enum": [1]}, {"items": {"format": "date"}}])
def test_what_it_does_not_know_it_does_not_judge(part: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="only jsonschema can judge it"):
        schema_check(part)
