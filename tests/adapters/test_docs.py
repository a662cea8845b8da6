"""What the documentation tells people to paste is taken in full."""

import json
import re
from pathlib import Path

from adapters import ADAPTERS
from adapters.adapter import SourceOptions
from adapters.alert import Severity, Status
from tests.adapters.samples import payload

DOCS = Path(__file__).parents[2] / "docs" / "sources"
VALUES = {
    "$ALERT_ID": "1556", "$ALERT_TITLE": "Disk full", "$ALERT_TRANSITION": "Recovered", "$ALERT_TYPE": "success",
    "$ALERT_PRIORITY": "P1", "$ALERT_SCOPE": "host:db-1", "$TAGS": "team:storage", "$DATE": "1709547072000",
    "$LINK": "https://app.datadoghq.com/event/event?id=7", "$HOSTNAME": "db-1", "$TEXT_ONLY_MSG": "90 % used",
    "$ALERT_QUERY": "avg:disk > 90",
}  # fmt: skip


def test_the_recommended_template_of_datadog_is_quoted_and_taken() -> None:
    found = re.search(r"```json\n(.*?)```", (DOCS / "datadog.md").read_text(), re.DOTALL)
    assert found is not None
    template = json.loads(found[1])
    assert all(re.fullmatch(r"\$[A-Z_]+", variable) for variable in template.values())
    body = json.dumps({key: VALUES.get(variable, "") for key, variable in template.items()})
    (draft,) = ADAPTERS["datadog"].open(SourceOptions(name="datadog"))(payload(body))
    alert = draft.alert()
    assert (alert.title, alert.status, alert.severity) == ("Disk full", Status.RESOLVED, Severity.CRITICAL)
    assert alert.labels.items() >= {"host": "db-1", "team": "storage", "severity": "critical"}.items()
    assert (alert.description, alert.url) == ("90 % used", VALUES["$LINK"])
    assert alert.order == 2 * 1709547072000


def test_the_lines_of_curl_open_and_end_the_same_alerts() -> None:
    text = (DOCS / "generic.md").read_text()
    parse = ADAPTERS["generic"].open(SourceOptions(name="shell"))
    alerts = []
    for line in re.findall(r"^curl .*$", text, re.MULTILINE):
        content_type = "text/plain" if "text/plain" in line else "application/x-www-form-urlencoded"
        (draft,) = parse(payload(line.partition("-d '")[2].removesuffix("'"), content_type))
        alerts.append(draft.alert())
    failed, well, full, resolved = alerts
    assert failed.fingerprint == well.fingerprint
    assert full.fingerprint == resolved.fingerprint != failed.fingerprint
    assert [alert.status for alert in alerts] == [Status.FIRING, Status.RESOLVED] * 2
    assert (failed.severity, full.severity) == (Severity.HIGH, Severity.CRITICAL)
