"""docs/webhooks.md shows a body that the strict receiver takes, with every key that is sent."""

import re
from pathlib import Path
from typing import Any

import msgspec

from router.notifiers.webhook.payloads import Action, request
from rules.model.webhook import Format
from tests.core.incidents import OPEN, but
from tests.receivers.own import OwnBody
from tests.webhook.endpoints import endpoint

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items() if key not in {"labels", "group_labels", "annotations"}}
    return [shape(one) for one in value[:1]] if isinstance(value, list) else None


def test_the_body_on_the_page_is_what_is_sent() -> None:
    [shown] = [msgspec.json.decode(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    msgspec.convert(shown, OwnBody)
    made = request(
        endpoint(Format.JSON, "https://x.example"),
        but(OPEN, links=(("runbook", "https://x.example"),)),
        Action.TRIGGER,
        instance="prod",
    )
    assert made is not None
    assert shape(shown) == shape(msgspec.json.decode(made.body))


def test_every_format_is_on_the_page() -> None:
    assert [kind for kind in Format if f"`{kind.value}`" not in PAGE] == []
