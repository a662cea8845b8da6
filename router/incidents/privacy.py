"""What of the incidents somebody sees: those of a private route are there for some only. Reads, and changes nothing."""

from collections.abc import Sequence

from sqlalchemy import Connection

from router.core.acts import permission
from router.core.acts.permission import Actor
from router.core.view import IncidentView
from router.store import read
from router.store.evaluation import groups, incidents, messages
from router.store.evaluation.groups import Group
from router.store.evaluation.incidents import Incident
from rules.model.permission import Audience
from rules.model.route import RouteSettings
from rules.model.ruleset import RuleSet

_ADMINS = Audience()


def settings_of(group: Group | None, current: Incident, rules: RuleSet) -> RouteSettings:
    """Of the route that an incident belongs to, as its group has them; of one whose group is forgotten (None), as the rules
    do. Where neither knows it, nobody but an admin sees it if anything is private at all."""
    if group is not None:
        return group.settings
    route = rules.routes.get(current.view.route)
    if route is not None:
        return route.settings
    return RouteSettings(channels=(), private=_ADMINS if rules.has_private else None)


def sees(conn: Connection, current: Incident, settings: RouteSettings, actor: Actor | None) -> bool:
    """Whether an incident is there for somebody."""
    if permission.sees(actor, settings.private):
        return True
    involved = {*messages.names_ever_paged(conn, current.number), *current.response.assigned}
    return permission.sees(actor, settings.private, involved)


def find(conn: Connection, number: int, rules: RuleSet, actor: Actor | None) -> Incident | None:
    """An incident, if it is there for whoever asks."""
    current = incidents.find(conn, number)
    if current is None:
        return None
    settings = settings_of(groups.find(conn, current.group_id), current, rules)
    return current if sees(conn, current, settings, actor) else None


def open_views(conn: Connection, rules: RuleSet, actor: Actor | None, most: int) -> tuple[Sequence[IncidentView], bool]:
    """Of what fires, the newest first: what of it somebody sees, and whether that is all of it."""
    views = read.open_views(conn, most)
    is_whole = len(views) < most
    private = read.private_among(conn, [view.number for view in views])
    return [view for view in views if view.number not in private or find(conn, view.number, rules, actor)], is_whole
