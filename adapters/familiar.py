"""What flat JSON with familiar key names means, for senders that nobody wrote a `map` for. Guesses, in one place.

Names are compared without case, dashes and underscores. The top level comes first, then one level inside the objects
that senders wrap things in. The first name of a field's list that holds something wins.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from adapters.labels import is_secret, without_secrets
from adapters.mapping import Taken
from adapters.text import written


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KEYS: Mapping[str, tuple[str, ...]] = {
    field: tuple(names.split())
    for field, names in {
        "name": "alertname rulename checkname monitorname jobname check monitor job rule alert name",
        "title": "title summary subject headline alerttitle eventtitle message msg text",
        "description": "description details detail body message msg text output reason error content",
        "severity": "severity level sev priority urgency criticality",
        "status": "status state alertstatus alertstate currentstate eventaction action transition result outcome conclusion",
        "dedupe_key": "dedupekey dedupkey dedup deduplicationkey fingerprint alias alertkey incidentkey incidentid alertid key uid id",
        "host": "host hostname instance server node device machine hosts",
        "acknowledged_by": "acknowledgedby ackedby ackby acknowledgedbyuser",
        "url": "url link href alerturl permalink ruleurl generatorurl dashboardurl runbookurl",
        "starts_at": "startsat startedat starttime firedat triggeredat",
        "ends_at": "endsat endedat endtime resolvedat recoveredat closedat finishedat",
    }.items()
}
_AT = ("timestamp", "ts", "time", "datetime", "date", "when", "occurredat", "eventtime", "createdat", "updatedat")
"""When something happened: the start of what fires, the end of what is over."""
_IS_WELL = _words("ok up success succeeded healthy passed resolved recovered isok isup isresolved")
_IS_ILL = _words("firing failed failure down alerting triggered error isfiring isdown")
_WRAPPERS = ("alert", "event", "data", "payload", "incident", "check", "monitor", "detail", "details", "annotations")
_LABELS = _words(
    "service team env environment cluster region zone namespace app application component project tenant customer "
    "datacenter dc site job check monitor owner pod container queue database instance"
)
_LABEL_LENGTH = 200
MAX_KEYS = 1_000
"""Of one object: looking at each takes a microsecond, and a body has room for a million."""
_NOT_LETTERS = re.compile(r"[^a-z0-9]")
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})

RESOLVED_WORDS = _words(
    "ok okay up resolved resolve recovered recovery success succeeded successful passed pass fixed closed close normal "
    "clear cleared green healthy inactive done completed"
)
"""The default status_map: these end an alert. Any other word, and none, means firing: a lost page is worse."""
FIRING_WORDS = _words("firing alerting alert triggered problem down failed failure open opened active")
"""Only to recognise a leading word of plain text as a state."""


def bare(name: str) -> str:
    """A key as it is compared: startsAt, starts_at and STARTS-AT are one."""
    return _NOT_LETTERS.sub("", name[:_LABEL_LENGTH].lower())


def verdict(name: str, value: object) -> str | None:
    """`ok: false` and the like as a status; None when the name promises nothing or the value is no yes or no."""
    if name not in _IS_WELL | _IS_ILL or not isinstance(value, str | int):
        return None
    is_true = _truth(value)
    if is_true is None:
        return None
    return "resolved" if is_true is (name in _IS_WELL) else "firing"


def take(item: Mapping[str, object]) -> dict[str, Taken]:
    """The fields found by their names. Times of events are given as `at`."""
    keys = _index(item)
    taken = {field: found for field, names in _KEYS.items() if (found := _first(keys, names)) is not None}
    if (at := _first(keys, _AT)) is not None:
        taken["at"] = at
    if "status" not in taken:
        for name, (key, value) in keys.items():
            if (status := verdict(name, value)) is not None:
                taken["status"] = Taken(f"{key} (familiar name)", status)
                break
    return taken


def labels(item: Mapping[str, object]) -> dict[str, str]:
    """Top-level keys that usually tell where an alert belongs, when they are short."""
    return {
        key: text
        for key, value in item.items()
        if bare(key) in _LABELS and (text := _scalar(value).strip()) and len(text) <= _LABEL_LENGTH and "\n" not in text
    }


def rest(item: Mapping[str, object], taken: Mapping[str, Taken], size: int) -> dict[str, str]:
    """The first top-level scalars that no field took, to be shown as annotations; no credentials."""
    used = {found.expression.removesuffix(" (familiar name)") for found in taken.values()}
    others = (
        (key, without_secrets(value) if bare(key) == "tags" and isinstance(value, str) else _scalar(value))
        for key, value in item.items()
        if key and key not in used and bare(key) not in _LABELS and not is_secret(key)
    )
    kept: dict[str, str] = {}
    for key, text in others:
        if text and len(kept) < size and len(key) <= _LABEL_LENGTH:
            kept[key] = text
    return kept


def simple(value: object) -> object:
    """The scalar in it: of a list its first element, of an object its name, value or text."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("name", "value", "text", "title") if key in value), None)
    return value if isinstance(value, str | int | float) else None


def _index(item: Mapping[str, object]) -> dict[str, tuple[str, object]]:
    keys: dict[str, tuple[str, object]] = {}
    for key, value in _pairs(item):
        if value is not None and value != "":
            keys.setdefault(bare(key.rpartition(".")[2]), (key, value))
    return keys


def _pairs(item: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    yield from item.items()
    for key, value in item.items():
        if isinstance(value, Mapping) and bare(key) in _WRAPPERS:
            for inner, found in islice(value.items(), MAX_KEYS):
                yield f"{key}.{inner}", found


def _first(keys: Mapping[str, tuple[str, object]], names: tuple[str, ...]) -> Taken | None:
    for name in names:
        if name in keys:
            key, value = keys[name]
            found = simple(value)
            if found is not None and found != "" and not isinstance(found, bool):
                return Taken(f"{key} (familiar name)", found)
    return None


def _scalar(value: object) -> str:
    return written(value) if isinstance(value, str | int | float) else ""


def _truth(value: str | int) -> bool | None:
    word = written(value).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None
