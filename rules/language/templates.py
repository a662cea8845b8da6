"""Templates on routes: those in files are read, and every one is asked of whoever renders them. Renders nothing itself."""

from collections.abc import Callable, Iterator
from pathlib import PurePath

import msgspec

from rules.language.shape import Fields, RuleError


class TemplateFault(msgspec.Struct, frozen=True):
    """Why a template cannot be used, and what could be written instead."""

    line: int
    """Of the template's own text, from 1."""
    message: str
    expected: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


Examine = Callable[[str], TemplateFault | None]
"""What is wrong with a template's source; None when it can be used."""

PAGE = "docs/rules.md, Templates"


def accept_all(_: str) -> TemplateFault | None:
    return None


def take_in(route: Fields | None, examine: Examine) -> None:
    """Put each file's text in its template's place, and complain of what cannot be used."""
    for template in () if route is None else _templates(route):
        for key in ("title", "text"):
            source = template.get(key)
            if source is not None and (fault := examine(source)) is not None:
                template.error(
                    key,
                    f"a template that cannot be used: {fault}",
                    expected=fault.expected or PAGE,
                    hint=fault.hint,
                )
        if template.get("file") is not None:
            _read(template, examine)


def _templates(route: Fields) -> Iterator[Fields]:
    template = route.get("template")
    if isinstance(template, Fields):
        yield template
    for child in route.get("routes", ()):
        yield from _templates(child)


def _read(template: Fields, examine: Examine) -> None:
    path: str = template.get("file")
    place = template.place.key("file")
    report = place.report
    try:
        source = report.text_beside(path).rstrip()
    except ValueError as error:
        template.error("file", str(error), expected="a regular file below this one's folder")
        return
    if not source:
        template.error("file", f"{path} is empty", expected="a template such as {{ summary }}")
    elif (fault := examine(source)) is not None:
        inside = str(PurePath(report.file).parent / path)
        report.errors.append(
            RuleError(
                inside, fault.line, 1, place.path, fault.message, expected=fault.expected or PAGE, hint=fault.hint
            )
        )
    else:
        template.values["text"] = source
