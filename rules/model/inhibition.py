"""Inhibition: what one firing alert holds back. Owns the keys by which sources and targets find each other.

As Alertmanager has it, but with a real set of sources: *any* of them that fires holds, not only the last one seen.
"""

from collections.abc import Mapping

import msgspec

from rules.model.matcher import Matcher, all_match


class InhibitionKey(msgspec.Struct, frozen=True, order=True):
    """Where a source and its targets meet: equal `rule` and `equal`.

    A target with `two_sided` matches both sides; only a source that does not holds it (`is_inhibited_by`).
    """

    rule: str
    equal: tuple[str, ...]
    two_sided: bool


class InhibitRule(msgspec.Struct, frozen=True):
    """While any firing alert matches `source`, those that match `target` with equal `equal` labels are held back."""

    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def keys(self, labels: Mapping[str, str]) -> tuple[InhibitionKey | None, InhibitionKey | None]:
        """As a source, and as a target; None where it is not one."""
        is_source, is_target = all_match(self.source, labels), all_match(self.target, labels)
        if not is_source and not is_target:
            return None, None
        key = InhibitionKey(self.name, tuple(labels.get(name, "") for name in self.equal), is_source and is_target)
        return key if is_source else None, key if is_target else None


def is_inhibited_by(target: InhibitionKey, source: InhibitionKey) -> bool:
    """Whether a firing source with that key holds an alert with this one."""
    same = target.rule == source.rule and target.equal == source.equal
    return same and not (target.two_sided and source.two_sided)
