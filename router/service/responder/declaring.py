"""Incidents that people declare, by words or in a window: made, and what became of it."""

from router.core.acts.grammar.words import nearest
from router.core.mrkdwn import channel, clean, clip, said
from router.core.own_alerts import Declaration
from router.engine import Engine
from router.service.responder.verbs import DECLARED_AS, Declare
from rules.model.ruleset import RuleSet

LONGEST_TITLE = 300
LONGEST_SERVICE = 100
SERVICE = "service"
"""The label, and the catalogue that has an entry for each."""


class Declaring:
    """Of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def answer(self, wanted: Declare, by: str, key: str) -> str:
        """As mrkdwn. When this returns it is committed; under the same key it is done once. `by`: who declares it, as the
        timeline has it."""
        title = line(wanted.title, LONGEST_TITLE)
        service, hint = service_of(wanted.service, self._engine.ruleset)
        if not title:
            return "Nothing is declared: it needs a title."
        severity = wanted.severity or DECLARED_AS
        found = await self._engine.declare(Declaration(title, by, service, severity), key=key)
        if not found.number:
            why = said(found.held_by, 100)
            return (
                f"Declared: {said(title, 100)}. It is held back now ({why}), and gets its number when it is told.{hint}"
            )
        where = f"told in {channel(found.where)}" if found.where else "told in no channel: the rules name none for it"
        return f"#{found.number} {severity.value.upper()} {said(title, 100)}: declared, {where}.{hint}"


def line(typed: str, limit: int) -> str:
    """As somebody typed it, in one line without what cannot be seen. What of it is markup is for whoever shows it."""
    return clip(" ".join(clean(typed, limit).split()), limit)


def service_of(typed: str, ruleset: RuleSet) -> tuple[str, str]:
    """What a service is called in the catalogue, and a word where it has none of that name: then it is called as typed."""
    name = line(typed, LONGEST_SERVICE)
    known = ruleset.catalog.get(SERVICE, {})
    if not name or name in known or not known:
        return name, ""
    found = [one for one in known if one.casefold() == name.casefold()]
    if len(found) == 1:
        return found[0], ""
    near = nearest(name, known)
    meant = f" Did you mean {said(near, 80)}?" if near else ""
    return (
        name,
        f" The catalogue has no service {said(name, 80)}, so what it says of services does not hold for it.{meant}",
    )
