"""What a source is made of: an Adapter turns one request's bytes into Drafts, each of which is an Alert or an error."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from adapters.alert import Alert, Severity


class Limits(msgspec.Struct, frozen=True):
    """Bounds on one request. What exceeds one is refused by name, never cut silently (texts of annotations excepted)."""

    body_bytes: int = 8 * 1024 * 1024
    """Of the decompressed body."""
    form_bytes: int = 512 * 1024
    """Of a form: a field of `%41`s takes a quarter of a second for each MiB."""
    nesting: int = 64
    containers: int = 150_000
    """Opening brackets of one body, in texts or not: each may be a list or an object, which takes time (150,000: 30 to 50 ms)."""
    values: int = 200_000
    """Commas of one body that is decoded whole, likewise: one object of so many keys takes 80 ms."""
    items: int = 500_000
    """Commas of one body of which only the list of alerts is decoded."""
    alerts: int = 10_000
    labels: int = 64
    """Per alert; annotations have the same bound."""
    name_bytes: int = 1024
    value_bytes: int = 4 * 1024
    """Of a label's value, and of a key that tells one alert from another."""
    labels_bytes: int = 16 * 1024
    """Of an alert's labels together, names and values. More is refused: cut, they would be another alert's."""
    annotations_bytes: int = 32 * 1024
    """Of an alert's annotations together. Where they are more, the longest are cut and marked "…"."""
    text_bytes: int = 16 * 1024
    """Of one annotation and of a description: a longer one is cut and marked."""


class SourceOptions(msgspec.Struct, frozen=True):
    """What the configuration says about a source, as far as its adapter needs it."""

    name: str
    labels: Mapping[str, str | Mapping[str, str]] = {}
    """Added after the fingerprint is taken: constants, or copies `{label: x}` of a sent label."""
    severity_map: Mapping[str, Severity] = {}
    """Keys are compared without case; "*" catches the rest."""
    status_map: Mapping[str, str] = {}
    map: Mapping[str, object] = {}
    """`generic` only: field -> JMESPath, template, or {value: constant}."""
    items: str = ""
    """`generic` only: a JMESPath that picks the list of alerts."""
    resolve_after: timedelta | None = None
    limits: Limits = Limits()


class Payload(msgspec.Struct, frozen=True):
    """One request, authenticated and decompressed."""

    body: bytes
    content_type: str
    """The media type alone, lower-case, without parameters; "" when absent."""
    received_at: datetime
    """Aware UTC."""
    charset: str = "utf-8"
    is_alert_array: bool = False
    """True for `…/api/v2/alerts`: Prometheus' array, not a webhook object."""


class PayloadError(ValueError):
    """The whole body is refused. `where` is a JSON path or a byte offset, `expected` what would have been right."""

    def __init__(self, message: str, *, where: str = "", expected: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.message, self.where, self.expected, self.status = message, where, expected, status


class ItemError(ValueError):
    """One item of a batch is refused; its neighbours are taken."""

    def __init__(self, message: str, *, where: str = "", expected: str = "") -> None:
        super().__init__(message)
        self.message, self.where, self.expected = message, where, expected


class OptionsError(ValueError):
    """A source's configuration is refused. `path` is the key below the source, as ("map", "title")."""

    def __init__(self, message: str, *, path: tuple[str, ...]) -> None:
        super().__init__(message)
        self.message, self.path = message, path


class Draft(Protocol):
    """One item of a request, not yet brought to normal form: most re-sent alerts never need to be."""

    @property
    def key(self) -> int:
        """A hash, of this process only, of all that decides the alert but its time to live. 0: always build it."""

    def alert(self) -> Alert:
        """Normal form. Raises ItemError; nothing else, whatever was sent."""


class _Built:
    """A draft whose alert is there already, or why there is none."""

    __slots__ = ("_found",)
    key = 0

    def __init__(self, draft: Draft) -> None:
        self._found: Alert | ItemError
        try:
            self._found = draft.alert()
        except ItemError as error:
            self._found = error

    def alert(self) -> Alert:
        if isinstance(self._found, ItemError):
            raise self._found
        return self._found


def built(drafts: "Sequence[Draft]") -> "Sequence[Draft]":
    """The same, with the normal form of each that has no key, and so is always built, made now."""
    if all(draft.key for draft in drafts):
        return drafts
    made = [draft if draft.key else _Built(draft) for draft in drafts]
    return GroupDrafts(made, drafts.group) if isinstance(drafts, GroupDrafts) else made


class GroupDrafts(list[Draft]):
    """The drafts of a request that is all its sender has to say now about one group of alerts, of which it tells all each
    time (Alertmanager's webhook). Who was in the group before and is not among them is no longer sent."""

    def __init__(self, drafts: Iterable[Draft], group: str) -> None:
        super().__init__(drafts)
        self.group = group
        """The sender's name for it, the same each time."""


Parse = Callable[[Payload], Sequence[Draft]]
"""Raises PayloadError; nothing else, whatever was sent."""


class Adapter(msgspec.Struct, frozen=True):
    """One kind of sender."""

    name: str
    open: Callable[[SourceOptions], Parse]
    """Called once per configured source and load. Raises OptionsError."""
    docs: str
    """The vendor's page."""
    is_prometheus_family: bool = False
    """One namespace, Alertmanager's fingerprint, and `…/api/v2/alerts`."""
    mapped: Callable[[SourceOptions, Payload], Sequence[Mapping[str, object]]] | None = None
    """For `normalize`: what each mapped field took, one mapping per item."""
    labels: Callable[[SourceOptions], frozenset[str] | None] = lambda _: None
    """Every label its alerts can have with these options, as far as that can be told; None: any."""
