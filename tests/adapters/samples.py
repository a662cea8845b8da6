"""Finds and runs samples: `<adapter>/<case>.json` is a request, `<adapter>/<case>.alerts.json` what it becomes."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from adapters.adapter import Adapter, ItemError, Limits, Payload, PayloadError, SourceOptions
from adapters.alert import shown

RECEIVED_AT = datetime(2024, 3, 4, 10, 20, tzinfo=UTC)


def cases(registry: Mapping[str, Adapter], folder: Path) -> list[tuple[Adapter, Path]]:
    return [
        (adapter, path)
        for adapter in registry.values()
        for path in sorted((folder / adapter.name).glob("*.json"))
        if not path.name.endswith(".alerts.json")
    ]


def became(adapter: Adapter, path: Path) -> object:
    """What a sample's request becomes, as JSON: alerts, errors of items, or the error of the whole."""
    sample = json.loads(path.read_text())
    text = sample["text"] if "text" in sample else json.dumps(sample["body"])
    options = msgspec.convert({"name": adapter.name} | sample.get("options", {}), SourceOptions)
    payload = Payload(
        body=text.encode(),
        content_type=sample["content_type"],
        received_at=datetime.fromisoformat(sample["received_at"]) if "received_at" in sample else RECEIVED_AT,
        is_alert_array=sample.get("is_alert_array", False),
    )
    return read(adapter, payload, options)


def expected(path: Path) -> object:
    return json.loads(path.with_suffix(".alerts.json").read_text())


def read(adapter: Adapter, payload: Payload, options: SourceOptions) -> object:
    try:
        drafts = adapter.open(options)(payload)
    except PayloadError as error:
        return {"error": error.message, "where": error.where, "expected": error.expected, "status": error.status}
    items: list[object] = []
    for draft in drafts:
        try:
            items.append(msgspec.json.decode(msgspec.json.encode(shown(draft.alert()))))
        except ItemError as error:
            items.append({"error": error.message, "where": error.where, "expected": error.expected})
    return items


def payload(
    body: bytes | str, content_type: str = "application/json", *, is_alert_array: bool = False, charset: str = "utf-8"
) -> Payload:
    return Payload(
        body=body.encode() if isinstance(body, str) else body,
        content_type=content_type,
        received_at=RECEIVED_AT,
        charset=charset,
        is_alert_array=is_alert_array,
    )


def errors(items: object) -> Iterable[object]:
    assert isinstance(items, list)
    return [item for item in items if "error" in item]


LIMITS = Limits()
