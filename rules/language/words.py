"""The words of the language that are more than text: secrets, matchers, channels, addresses, templates.

Each has its own message for what people write instead. Times are in `times.py`.
"""

import re
from urllib.parse import urlsplit

from rules.language.shape import Place, Schema, Text, shown, text_of
from rules.language.yaml import Entries, Items, Node, Scalar
from rules.model.configuration import EnvSecret, FileSecret, Secrets
from rules.model.matcher import Matcher, MatcherError, parse


class Secret:
    """{env: NAME} or {file: PATH}, or a list of them where two are valid at once. What stands there is never printed."""

    expected = "{env: NAME} or {file: PATH}, or a list of them while two are valid"

    def read(self, node: Node, place: Place) -> Secrets | None:
        if isinstance(node, Items) and 1 <= len(node.items) <= 8:
            found = [self._one(item, place.item(number)) for number, item in enumerate(node.items)]
            return None if any(one is None for one in found) else tuple(one for one in found if one is not None)
        one = self._one(node, place)
        return None if one is None else (one,)

    def _one(self, node: Node, place: Place) -> EnvSecret | FileSecret | None:
        if isinstance(node, Entries) and len(node.entries) == 1:
            [(key, entry)] = node.entries.items()
            text = text_of(entry.node)
            if key == "env" and text and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,200}", text, re.ASCII):
                return EnvSecret(text)
            if key == "file" and text and "\0" not in text:
                return FileSecret(text)
        text = text_of(node)
        if text is not None and "$" in text:
            hint = "variables in text are not replaced here"
        else:
            hint = "the secret itself never stands in the file" if text is not None else ""
        place.error(node, "not a reference to a secret", expected=self.expected, hint=hint)
        return None

    def schema(self, definitions: dict[str, Schema], /) -> Schema:
        forms = [
            {
                "type": "object",
                "properties": {key: {"type": "string", "minLength": 1}},
                "required": [key],
                "additionalProperties": False,
            }
            for key in ("env", "file")
        ]
        definitions["one_secret"] = {"anyOf": forms}
        one: Schema = {"$ref": "#/$defs/one_secret"}
        definitions["secret"] = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": 8}]}
        return {"$ref": "#/$defs/secret"}


class Match:
    """A list of matchers, all of which must hold; or one string in braces."""

    expected = "a list of matchers such as ['team = payments', 'severity =~ \"crit.*\"']"

    def read(self, node: Node, place: Place) -> tuple[Matcher, ...] | None:
        text = text_of(node)
        if text is not None and text.strip().startswith("{"):
            return self._parsed(text, node, place)
        if isinstance(node, Items) and node.items:
            return self._list(node, place)
        hint = ""
        if text is not None:
            hint = f"write ['{text}']"
        elif isinstance(node, Entries):
            hint = f"write [{', '.join(_as_matchers(node))}]"
        elif isinstance(node, Items):
            hint = "a route without match takes all"
        place.error(node, f"found {shown(node)}", expected=self.expected, hint=hint)
        return None

    def _list(self, node: Items, place: Place) -> tuple[Matcher, ...] | None:
        found: list[Matcher] = []
        refused = False
        skip = 0
        for number, item in enumerate(node.items):
            if skip:
                skip -= 1
                continue
            at = place.item(number)
            text = text_of(item)
            if text is None:
                hint = ""
                if isinstance(item, Entries):
                    hint = "in quotes: '…'" if len(item.entries) > 1 else f"write '{' = '.join(_pair(item))}'"
                at.error(item, f"found {shown(item)}", expected="a matcher such as 'team = payments'", hint=hint)
                refused = True
                continue
            if text.count('"') % 2 and (pieces := _torn(node, number)) > 1:
                whole = ",".join((text_of(piece) or "") for piece in node.items[number : number + pieces])
                at.error(
                    item,
                    f"YAML took this matcher apart at its comma: {', '.join(repr(text_of(p)) for p in node.items[number : number + pieces])}",
                    expected="single quotes around the whole of it",
                    hint=f"write '{whole}'",
                )
                refused, skip = True, pieces - 1
                continue
            parsed = self._parsed(text, item, at)
            refused = refused or parsed is None
            found += parsed or ()
        return None if refused else tuple(found)

    def _parsed(self, text: str, node: Node, place: Place) -> tuple[Matcher, ...] | None:
        try:
            return parse(text)
        except MatcherError as error:
            place.error(node, error.message, expected=error.expected)
            return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        one = {"type": "string", "minLength": 1}
        return {"anyOf": [{"type": "array", "items": one, "minItems": 1}, {"type": "string", "pattern": r"^\s*\{"}]}


def _as_matchers(node: Entries) -> list[str]:
    """What somebody who wrote a map meant: {team: payments}, or braces of a matcher without quotes around them."""
    found = []
    for key, entry in node.entries.items():
        if isinstance(entry.node, Scalar):
            text = entry.node.text
            found.append(f"'{key}'" if not text and ("=" in key or "~" in key) else f"'{key} = {text}'")
    return found


def _pair(node: Entries) -> tuple[str, str]:
    [(key, entry)] = node.entries.items()
    return key, entry.node.text if isinstance(entry.node, Scalar) else "…"


def _torn(node: Items, start: int) -> int:
    """How many items of a list are one matcher with commas inside its quotes; 1: it is not so."""
    quotes = 0
    for number in range(start, len(node.items)):
        text = text_of(node.items[number])
        if text is None:
            return 1
        quotes += text.count('"')
        if quotes % 2 == 0:
            return number - start + 1
    return 1


CHANNEL_NAME = re.compile(r"#[^\s#@.,:;/A-Z<>&]{1,80}")
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{7,20}", re.ASCII)


class ChannelText:
    """One channel: a name with its # in quotes, or an id."""

    expected = 'a channel such as "#alerts" (in quotes), or its id such as C0123ABCD'

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node)
        if text is not None and (CHANNEL_NAME.fullmatch(text) or _CHANNEL_ID.fullmatch(text)):
            return text
        if isinstance(node, Scalar) and node.value is None:
            place.error(
                node,
                "found nothing",
                expected=self.expected,
                hint='in YAML a # begins a comment: write "#alerts" in quotes; to tell nobody write none',
            )
            return None
        hint = ""
        if text == "none":
            hint = "none stands alone, not in a list"
        elif text is not None and "/#" in text:
            hint = "several workspaces: not yet"
        elif text is not None and CHANNEL_NAME.fullmatch(guess := "#" + text.lstrip("#").lower().replace(" ", "-")):
            hint = f'write "{guess}"'
        place.error(node, f"found {shown(node)}", expected=self.expected, hint=hint)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "pattern": r"^(#[^\s#@.,:;/A-Z<>&]{1,80}|[CG][A-Z0-9]{7,20})$"}


def emoji_rule(name: str) -> str:
    """What is wrong with the name of an emoji; "": nothing."""
    is_name = re.fullmatch(r"[a-z0-9_+'-]{1,100}", name, re.ASCII) is not None
    return "" if is_name else "an emoji's name as Slack has it, without colons, such as eyes"


class SlashCommandText:
    """The name of a slash command, as Slack allows it."""

    expected = "a slash command such as /incident: lower case, at most 32 characters"
    pattern = r"/[a-z0-9][a-z0-9_-]{0,30}"

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node)
        if text is not None and re.fullmatch(self.pattern, text, re.ASCII):
            return text
        guess = "/" + (text or "").strip().lstrip("/").lower().replace(" ", "-")
        hint = f"write {guess}" if re.fullmatch(self.pattern, guess, re.ASCII) else ""
        place.error(node, f"found {shown(node)}", expected=self.expected, hint=hint)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "pattern": f"^{self.pattern}$"}


class Url:
    """An address that begins with http:// or https://."""

    expected = "an address that begins with http:// or https://"

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node)
        if text is not None and re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", text) and _has_host(text):
            return text
        place.error(node, f"found {shown(node)}", expected=self.expected)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "pattern": r"^https?://[^\s/?#]+[^\s?#]*$"}


def _has_host(url: str) -> bool:
    """Whether it can be taken apart at all: `http://[` and `http://host:port` cannot."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class JinjaText:
    """A template's source. Its grammar is checked here; what it may cost is bounded where it is rendered."""

    expected = "text with {{ … }}"

    def read(self, node: Node, place: Place) -> str | None:
        if isinstance(node, Entries) and "file" in node.entries:
            place.error(node, "a file holds the text, not a part of it", expected="template: {title: '…', file: PATH}")
            return None
        text = Text(self.expected, limit=4_000).read(node, place)
        if text is None:
            return None
        from jinja2 import Environment, TemplateError  # loaded only where a file has templates

        try:
            # Only parsed, never rendered, here.
            Environment(autoescape=True).parse(text)
        except (TemplateError, RecursionError) as error:
            place.error(node, f"not a template: {error}", expected="Jinja, as in {{ labels.service }}")
            return None
        return text

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "minLength": 1, "maxLength": 4000}
