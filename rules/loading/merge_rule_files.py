"""Several files as one: which text of each team is in force, and what they come to together.

A file is refused whole and alone. Where two are against each other the one that was changed gives way to its last
accepted text; where both were, the later by name.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import msgspec

from adapters.alert import Severity
from rules.language.shape import Fields, Report, RuleError, close_to
from rules.loading import cross_references
from rules.loading.scope import Domains, are_plainly_apart, fits_both, said_labels
from rules.loading.source import RulesText
from rules.loading.team_file import TeamDraft, mounted, parts
from rules.model.configuration import TeamContact
from rules.model.heartbeat import OWN_SOURCE

NAMED = 5
"""So many followers of a refused file are named in a line."""


class RefusedFile(msgspec.Struct, frozen=True):
    """A team's file whose text is not in force."""

    source: RulesText
    team: str
    """As its last accepted text says, else as the refused one does; "" where neither can be read."""
    contact: TeamContact | None
    errors: tuple[RuleError, ...]
    is_kept: bool
    """Its last accepted text is in force instead."""
    kept_errors: tuple[RuleError, ...] = ()
    """What is wrong with the last accepted text now; empty where it is in force, or there is none."""


class AcceptedFile(msgspec.Struct, frozen=True):
    """A team's file whose text is in force."""

    source: RulesText
    team: str
    contact: TeamContact


class Chosen(msgspec.Struct, frozen=True):
    """What is in force of the teams' files, in the order of their routes, and what is not."""

    drafts: tuple[TeamDraft, ...] = ()
    accepted: tuple[AcceptedFile, ...] = ()
    refused: tuple[RefusedFile, ...] = ()


def choose(
    files: Sequence[RulesText], last: Mapping[str, str], main: Fields, read: Callable[[RulesText], TeamDraft]
) -> Chosen:
    """`last` has the last accepted text of each file, by its key."""
    contest = _Contest(last, domains(main))
    for file in files:
        contest.enter(file, read)
    contest.settle()
    in_force = contest.in_force
    fresh = [file for file in files if in_force.get(file.key) is contest.fresh[file.key]]
    return Chosen(
        drafts=tuple(sorted(in_force.values(), key=lambda found: (found.order or 0, found.source.name))),
        accepted=tuple(
            AcceptedFile(file, contest.fresh[file.key].team, contest.fresh[file.key].contact or TeamContact())
            for file in files
            if file in fresh
        ),
        refused=tuple(contest.refused(file) for file in files if file not in fresh),
    )


def domains(main: Fields) -> Domains:
    """The computed names whose values are known beforehand."""
    return {"alert.severity": [one.value for one in Severity], "alert.source": [*main.get("sources", {}), OWN_SOURCE]}


def merged(main: Fields, drafts: Sequence[TeamDraft]) -> Fields:
    """One document: the teams' routes before the main file's own, everything else beside it under its full name."""
    whole = Fields(main.node, main.place)
    whole.values = dict(main.values)
    for found in drafts:
        for key, value in parts(found).items():
            before = whole.get(key, () if isinstance(value, tuple) else {})
            whole.values[key] = (*before, *value) if isinstance(value, tuple) else {**before, **value}
    root = main.get("routing")
    if root is not None and drafts:
        routing = Fields(root.node, root.place)
        routing.values = {**root.values, "routes": (*map(mounted, drafts), *root.get("routes", ()))}
        whole.values["routing"] = routing
    return whole


def full_names(chosen: Chosen) -> dict[str, set[str]]:
    """What the teams' files in force define, by kind, as the whole configuration calls it."""
    found: dict[str, set[str]] = {}
    for one in chosen.drafts:
        for kind, (names, _) in ({} if one.fields is None else cross_references.names(one.fields)).items():
            found.setdefault(kind, set()).update(names)
    return found


def dangling(whole: Fields, reports: Sequence[Report], refused: Sequence[RefusedFile]) -> list[RuleError]:
    """Names of other teams' files that are nowhere. They are no errors: a team must not be able to take the others'
    files out of force by renaming something in its own. What a refused file would define is said once, where it is
    refused."""
    known = {kind: set(found) for kind, (found, _) in cross_references.names(whole).items()}
    causes = {file.team: file for file in refused if file.team and not file.is_kept}
    followers: dict[str, list[str]] = {}
    warnings = []
    for reference in (reference for report in reports for reference in report.references):
        place, report = reference.error_at, reference.error_at.report
        if not cross_references.is_of_another_file(reference) or reference.name in known[reference.kind]:
            continue
        team, _, _ = reference.name.partition("/")
        if team in causes:
            followers.setdefault(team, []).append(f"{reference.name} ({report.file}:{reference.mark.line})")
            continue
        effect = "it is left out" if reference.kind == "window" else "it reaches nobody"
        warnings.append(
            RuleError(
                report.file,
                reference.mark.line,
                reference.mark.column,
                place.path,
                f"no {reference.kind} is called {reference.name[:60]!r} in the files in force: {effect}",
                "a name of that team's file",
                close_to(reference.name, known[reference.kind]),
            )
        )
    for team, named in followers.items():
        shown = ", ".join(named[:NAMED]) + (f" and {len(named) - NAMED} more" if len(named) > NAMED else "")
        message = f"while this file is refused, what others name of it reaches nobody: {shown}"
        warnings.append(RuleError(causes[team].source.name, 1, 1, "team", message, "the file without its mistakes"))
    return warnings


def other_zones(main: Fields, drafts: Sequence[TeamDraft]) -> list[RuleError]:
    """Windows of the main file in files whose own times are of another zone: their hours are the main file's."""
    default = main.get("timezone", "UTC")
    windows: Mapping[str, Sequence[Fields]] = main.get("windows", {})
    warnings = []
    for one in drafts:
        zone = default if one.fields is None else one.fields.get("timezone", default)
        first = {
            reference.name: reference for reference in reversed(one.report.references) if reference.kind == "window"
        }
        for name, reference in sorted(first.items()):
            zones = {pattern.get("timezone", default) for pattern in windows.get(name, ()) if "hours" in pattern}
            if zones - {zone}:
                message = f"the hours of {name} are of {', '.join(sorted(zones))}; this file's own times are of {zone}"
                expected = f"a window of this file, where the hours of {zone} are meant"
                mark, path = reference.mark, reference.error_at.path
                warnings.append(RuleError(one.source.name, mark.line, mark.column, path, message, expected))
    return warnings


class _Contest:
    """Every file with its candidates, best first, until no two of those in force are against each other."""

    def __init__(self, last: Mapping[str, str], known: Domains) -> None:
        self._last, self._domains = last, known
        self.fresh: dict[str, TeamDraft] = {}
        self._kept: dict[str, TeamDraft | None] = {}
        self.in_force: dict[str, TeamDraft] = {}
        self._against: dict[str, list[RuleError]] = {}
        self._met: dict[tuple[int, int], str | None] = {}

    def enter(self, file: RulesText, read: Callable[[RulesText], TeamDraft]) -> None:
        fresh = read(file)
        text = self._last.get(file.key)
        is_changed = bool(file.fault) or text != file.text
        kept = None if text is None or not is_changed else read(msgspec.structs.replace(file, text=text, fault=""))
        self.fresh[file.key], self._kept[file.key] = fresh, kept
        for found in (fresh, kept):
            if found is not None and not found.errors:
                self.in_force[file.key] = found
                break

    def settle(self) -> None:
        while (found := self._conflict()) is not None:
            loser, error = found
            self._against.setdefault(loser, []).append(error)
            kept = self._kept[loser]
            if self.in_force[loser] is not kept and kept is not None and not kept.errors:
                self.in_force[loser] = kept
            else:
                del self.in_force[loser]
        for key in list(self._against):
            # What it gave way to may itself be out of force by now.
            others = [found for other, found in self.in_force.items() if other != key]
            fresh = self.fresh[key]
            if not fresh.errors and all(self._overlap(fresh, other) is None for other in others):
                self.in_force[key] = fresh

    def refused(self, file: RulesText) -> RefusedFile:
        fresh, kept = self.fresh[file.key], self._kept[file.key]
        is_kept = file.key in self.in_force
        against = tuple(self._against.get(file.key, ()))
        known = kept if kept is not None and kept.contact is not None else fresh
        of_kept = () if is_kept or kept is None else kept.errors or against
        return RefusedFile(file, known.team, known.contact, fresh.errors or against, is_kept, of_kept)

    def _conflict(self) -> tuple[str, RuleError] | None:
        for first, second in combinations(self.in_force, 2):
            if self._overlap(self.in_force[first], self.in_force[second]) is None:
                continue
            changed = [self.in_force[key].source.text != self._last.get(key) for key in (first, second)]
            loser, winner = (first, second) if changed == [True, False] else (second, first)
            return loser, self._error(self.in_force[loser], self.in_force[winner])
        return None

    def _overlap(self, first: TeamDraft, second: TeamDraft) -> str | None:
        """What both would take, in words; None: nothing, or it is settled by their order."""
        if first.team != second.team and are_plainly_apart(first.starts, second.starts):
            return None
        pair = (id(first), id(second))
        if pair not in self._met:
            self._met[pair] = self._met[pair[::-1]] = self._both_take(first, second)
        return self._met[pair]

    def _both_take(self, first: TeamDraft, second: TeamDraft) -> str | None:
        if first.team == second.team:
            return ""
        if first.order is not None and second.order is not None and first.order != second.order:
            return None
        labels = fits_both(first.scope, second.scope, self._domains)
        return None if labels is None else said_labels(labels)

    def _error(self, loser: TeamDraft, winner: TeamDraft) -> RuleError:
        other = winner.source.name
        if loser.team == winner.team:
            mark, path, message = loser.mark("team"), "team", f"{other} is the file of {loser.team} already"
            expected = "one file for each team"
        else:
            mark, path = loser.mark("scope"), "scope"
            taken = self._overlap(loser, winner)
            message = f"{other} ({winner.team}) and this file both take an alert with {taken}"
            expected = "scopes that exclude each other; or, if it is meant, order: NUMBER in both, the lower first"
        return RuleError(loser.source.name, mark.line, mark.column, path, message, expected)
