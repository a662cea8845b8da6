"""Users' own titles and texts: rendered within bounds, or why not. Decides nothing about where they are shown."""

import msgspec
from jinja2 import TemplateError

from router.core.mrkdwn import Mark, clean
from router.core.templates.sandbox import Budget, compiled, context_of
from router.core.templates.scope import scope
from router.core.templates.values import Marks
from router.core.view import IncidentView, MessageTemplate
from rules.language.templates import TemplateFault

OUTPUT_LENGTH = 4_000
_RUN_ERRORS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


class OwnWords(msgspec.Struct, frozen=True):
    """A user's own words about an incident. None: the built-in ones. `faults` is why, for whoever counts them."""

    title: str | None = None
    """Plain: it is the push text too, which formats nothing."""
    text: str | None = None
    marks: tuple[Mark, ...] = ()
    """The times and links in `text`."""
    faults: tuple[str, ...] = ()


_latest: list[tuple[IncidentView, str, OwnWords]] = []
"""One rendering asks several times about the same view; a template is run once for it."""


def words_of(view: IncidentView, external_url: str = "") -> OwnWords:
    """What the route's template says, unescaped: it passes through `mrkdwn` like any other text."""
    if view.template is None:
        return OwnWords()
    if not _latest or _latest[0][0] is not view or _latest[0][1] != external_url:
        _latest[:] = [(view, external_url, _words_of(view, view.template, external_url))]
    return _latest[0][2]


def _words_of(view: IncidentView, template: MessageTemplate, external_url: str) -> OwnWords:
    title, text, faults = None, None, []
    marks = Marks(is_plain=False)
    if template.title:
        title, fault = render(template.title, view, Marks(is_plain=True), external_url)
        faults += [f"title: {fault}"] * bool(fault)
    if template.text:
        text, fault = render(template.text, view, marks, external_url)
        faults += [f"text: {fault}"] * bool(fault)
    return OwnWords(title=title, text=text, marks=tuple(marks.found), faults=tuple(faults))


def render(template: str, view: IncidentView, marks: Marks, external_url: str = "") -> tuple[str | None, str]:
    """A template's text, or None and why not. Nothing is raised, and little time passes, whatever the template is."""
    found = compiled(template)
    if isinstance(found, TemplateFault):
        return None, str(found)
    pieces, length = [], 0
    try:
        for piece in found.generate(context_of(scope(view, external_url), Budget(marks))):
            length += len(piece)
            if length > OUTPUT_LENGTH:
                return None, f"more than {OUTPUT_LENGTH} characters"
            pieces.append(piece)
    except _RUN_ERRORS as error:
        return None, f"{type(error).__name__}: {error}"[:200]
    text = clean("".join(pieces), OUTPUT_LENGTH).strip()
    return (text, "") if text else (None, "empty")


def template_fault(template: str) -> TemplateFault | None:
    """Why a template cannot be used, before any alert comes; None when it can."""
    found = compiled(template)
    return found if isinstance(found, TemplateFault) else None
