"""Foghorn, a sender that does not exist: what a newcomer writes to add a source. Registered in these tests only."""

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from adapters.adapter import Adapter, Draft, ItemError, Parse, Payload, PayloadError, SourceOptions
from adapters.alert import Alert, Status
from adapters.body import decoded, utf8
from adapters.labels import checked
from adapters.severity import Scale
from adapters.text import clean, line


class _Blast(msgspec.Struct):
    buoy: str
    blowing: bool
    loudness: str = ""


_BLASTS = msgspec.json.Decoder(list[_Blast])


class _Draft:
    key = 0

    def __init__(self, blast: _Blast, options: SourceOptions) -> None:
        self._blast, self._options = blast, options

    def alert(self) -> Alert:
        blast = self._blast
        buoy = line(clean(blast.buoy))
        if not buoy:
            raise ItemError("a blast without a buoy", where="buoy", expected="its name")
        severity = Scale(self._options.severity_map).severity(blast.loudness)
        return Alert(
            fingerprint=blake2b(buoy.encode(), digest_size=8).hexdigest(),
            name="Fog",
            title=f"Fog at {buoy}",
            description="",
            severity=severity,
            status=Status.FIRING if blast.blowing else Status.RESOLVED,
            labels=checked({"buoy": buoy, "severity": severity.value}, self._options.limits),
            annotations={},
            severity_raw=clean(blast.loudness),
        )


def open_source(options: SourceOptions) -> Parse:
    def parse(payload: Payload) -> Sequence[Draft]:
        try:
            blasts = decoded(utf8(payload, options.limits), _BLASTS)
        except msgspec.ValidationError as error:
            raise PayloadError(str(error), where="body", expected="a list of blasts") from None
        return [_Draft(blast, options) for blast in blasts]

    return parse


FOGHORN = Adapter(name="foghorn", open=open_source, docs="https://foghorn.example.com/webhooks")
