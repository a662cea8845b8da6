"""Text on its way into Slack's mrkdwn: cleaning, escaping, our own links and instants. Decides no wording.

Everything a sender wrote passes through here, once. What comes out can neither mention, link, reorder nor reformat
what stands beside it. https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from urllib.parse import quote, urlsplit

import msgspec

_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Controls, directional overrides, zero widths, invisible letters and tags, lone surrogates: seen by nobody, so good
only for deceiving (a URL read backwards, a name that is not that name)."""
_PILE = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
"""Combining marks piled up until they cover the lines above and below."""
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""An underscore that Slack may take for italics. Those inside words (`node_exporter`) stay as they are, to be copied."""
_LOOKALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "'"})

_FENCE = re.compile(
    r"```(?:(?:bash|console|go|json|log|promql|python|sh|shell|sql|text|yaml|yml)\n)?(.+?)```", re.DOTALL
)
_IMAGE = re.compile(r"!\[([^\[\]\n]{0,300})\]\([^()\s]{0,2000}\)")
_LINK = re.compile(r"\[([^\[\]\n]{0,300})\]\(([^()\s]{0,2000})\)")
_BULLET = re.compile(r"^([ \t]*)[-*+] +", re.MULTILINE)
_QUOTE = re.compile(r"^[ \t]*>[> \t]*", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")
_INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|(?<![\w*])\*\*(?=\S)(?P<strong>[^*\n]+?)(?<=\S)\*\*(?![\w*])"
    r"|(?<![\w*])\*(?=\S)(?P<bold>[^*\n]+?)(?<=\S)\*(?![\w*])"
    r"|(?<!\w)_(?=\S)(?P<italic>[^_\n]+?)(?<=\S)_(?!\w)"
)
_MARKERS = {"code": "`", "strong": "*", "bold": "*", "italic": "_", "fence": "```"}
_LINES = 15
"""A longer text is a log, not a summary; it would push the buttons off a phone's screen."""
_RICH_LENGTH = 2900
"""Of a text with its markers and escapes: a section holds 3,000."""
_URL_LENGTH = 2000
_HOST = re.compile(r"(?<![\w@.-])(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}(?![\w-])")
"""What reads like the name of a host in a text."""
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
_GROUP = re.compile(r"S[A-Z0-9]{2,200}")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,200}")


_MARKS = {0xFDD0 + number: None for number in range(32)}
MOST_MARKS = len(_MARKS)


class Mark(msgspec.Struct, frozen=True):
    """Something of our own within a text: how Slack is told of it, and how it reads where nothing is formatted.

    In the text it stands as one of Unicode's noncharacters, which `unmarked` takes out of everything a sender wrote.
    """

    slack: str
    plain: str

    @staticmethod
    def sign(number: int) -> str:
        return chr(0xFDD0 + number)


def unmarked(text: str) -> str:
    return text.translate(_MARKS)


def clean(text: str, limit: int) -> str:
    """What can be seen of a text, cut well above `limit` so that a megabyte costs no more than a page."""
    kept = _UNSEEN.sub("", _BREAKS.sub("\n", text[: 8 * limit + 256]))
    return _PILE.sub(r"\1", kept).replace("\t", " ")


def escape(text: str) -> str:
    """Slack's three control characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, the last of them "…" if something was cut."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"[:limit]


def words(text: str, limit: int = 300) -> str:
    """One line of a sender's text, with nothing left in it that Slack would take for formatting. Not yet escaped."""
    line = " ".join(clean(text, limit).split()).translate(_LOOKALIKES)
    return clip(_EDGE_UNDERSCORE.sub("ˍ", line), limit)


def escaped(text: str, limit: int) -> str:
    """Escape `words`; what comes out is at most `limit` characters long and never ends inside an entity."""
    whole = escape(text)
    if len(whole) <= limit:
        return whole
    lengths = accumulate(len(escape(character)) for character in text)
    kept = sum(length < limit for length in lengths)
    return escape(text[:kept]).rstrip() + "…"[:limit]


def said(text: str, limit: int) -> str:
    """One line of a sender's text, ready for mrkdwn."""
    return escaped(words(text, limit), limit)


def code(text: str, limit: int) -> str:
    """One line of a sender's text, to be copied: Slack formats nothing inside a code span."""
    line = " ".join(clean(text, limit).split()).replace("`", "'")
    return f"`{escaped(line, limit - 2) or ' '}`"


def rich(text: str, limit: int, marks: Sequence[Mark] = ()) -> str:
    """A sender's text of several lines. Bold, italics, lists and code survive; links, mentions, images do not.

    `limit` counts what is seen, without markers and escapes; what comes out fits a section in any case. Spans are
    closed after cutting, so none leaks. `marks` are what we ourselves put into the text; each counts as one character.
    """
    spans: list[tuple[str, str]] = []
    position = 0
    whole = clean(text, limit).strip()
    for fence in _FENCE.finditer(whole):
        spans += _flowing(whole[position : fence.start()])
        spans.append(("fence", fence.group(1).strip("\n")))
        position = fence.end()
    spans += _flowing(whole[position:])
    ours = {ord(Mark.sign(number)): mark.slack for number, mark in enumerate(marks)}
    plain = {ord(Mark.sign(number)): mark.plain for number, mark in enumerate(marks)}
    shown = "".join(
        _rendered(name, content.translate(plain))
        if name in {"code", "fence"}
        else _rendered(name, content).translate(ours)
        for name, content in _within(spans, limit)
    ).strip()
    return shown if len(shown) <= _RICH_LENGTH else rich(text, limit // 2, marks)


def _flowing(text: str) -> list[tuple[str, str]]:
    """Text between fences, as (kind of span, its content)."""
    text = _LINK.sub(r"\1 (\2)", _IMAGE.sub(r"\1", _BLANK_LINES.sub("\n\n", text)))
    text = _QUOTE.sub("› ", _BULLET.sub(r"\1• ", text))
    spans, position = [], 0
    for match in _INLINE.finditer(text):
        spans.append(("", text[position : match.start()]))
        spans.append((match.lastgroup or "", match[match.lastgroup or 0]))
        position = match.end()
    return [*spans, ("", text[position:])]


def _within(spans: Sequence[tuple[str, str]], limit: int) -> Iterable[tuple[str, str]]:
    """The spans that fit, the last one cut and marked."""
    whole = "".join(content for _, content in spans)
    if len(whole) <= limit and whole.count("\n") < _LINES:
        yield from spans
        return
    left, lines = limit - 2, _LINES
    for name, content in spans:
        kept = "\n".join(content[: max(left, 0)].split("\n")[: max(lines, 0)])
        if kept.strip():
            yield name, kept
        left -= len(content)
        lines -= content.count("\n")
    yield "", " …"


def _rendered(name: str, content: str) -> str:
    if name == "fence":
        return "\n```\n" + escape(content.replace("`", "'")) + "\n```\n"
    if name == "code":
        return f"`{escape(content)}`"
    marker = _MARKERS[name] if name else ""
    return marker + escape(_EDGE_UNDERSCORE.sub("ˍ", content.translate(_LOOKALIKES))) + marker


def address(url: str) -> str:
    """The address as it may stand in a link of ours, or "" when it may not.

    Only http(s) with a host. Credentials in an address are refused: they would be shown to the whole channel.
    """
    if not url.startswith(("http://", "https://")) or len(url) > _URL_LENGTH or _UNSEEN.search(url):
        return ""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return ""
    if not host or "@" in parts.netloc or re.search(r"[\s<>|\"`\\^]", parts.netloc):
        return ""
    safe = quote(url, safe="/:?#[]@!$&'()*+,;=%~-._").replace("&", "&amp;")
    return safe if len(safe) <= _URL_LENGTH else ""


def link(url: str, label: str, limit: int = 150) -> str:
    """Our own link, or the label alone when the address may not be linked. A label that reads like another address than
    the one it leads to is followed by the true host: it is a sender's, and could pass for a bank's."""
    target, shown = address(url), said(label, limit)
    if not target or not shown:
        return shown
    host = urlsplit(url).hostname or ""
    if any(found.lower() != host for found in _HOST.findall(words(label, limit))):
        true = said(_ascii(host), 100)
        shown = f"{said(label, max(limit - len(true) - 3, 8))} [{true}]"
    return f"<{target}|{shown}>"


def _ascii(host: str) -> str:
    """As the network knows it: a letter of another alphabet that looks like ours is seen."""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def instant(at: datetime) -> str:
    """A moment in each reader's own time zone: "today 02:14", and still true next week."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{plain_instant(at)}>"


def instant_and_age(at: datetime) -> str:
    """The same and, counted by whoever shows it, how long ago: "today 02:14 (3 minutes ago)", true whenever it is read."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}} ({{ago}})|{plain_instant(at)}>"


def ago(at: datetime) -> str:
    """How long ago a moment is, counted by whoever shows it: "3 minutes ago"."""
    return f"<!date^{int(at.timestamp())}^{{ago}}|{plain_instant(at)}>"


def time_of_day(at: datetime) -> str:
    """The same, by its time alone: for what stands beside another instant, or is new."""
    return f"<!date^{int(at.timestamp())}^{{time}}|{at.astimezone(UTC):%H:%M} UTC>"


def plain_instant(at: datetime) -> str:
    """A moment where nothing is formatted."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def user(slack_id: str) -> str:
    """A mention. Only for ids that came from Slack or from the configuration; anything else stays text."""
    return f"<@{slack_id}>" if _USER.fullmatch(slack_id) else said(slack_id, 80)


def is_user_id(target: str) -> bool:
    return _USER.fullmatch(target) is not None


def group(target: str) -> str:
    """A mention of a user group by its id. A handle that Slack did not resolve stays text."""
    return f"<!subteam^{target}>" if is_group_id(target) else said(target, 90)


def is_group_id(target: str) -> bool:
    return _GROUP.fullmatch(target) is not None


def channel(target: str) -> str:
    """A link to a conversation by id, or its name as text."""
    return f"<#{target}>" if _CHANNEL.fullmatch(target) else said(target, 80)


def duration(span: timedelta) -> str:
    """A length of time as a person says it: 45 s, 14 min, 1 h 20 min, 26 h, 3 d 4 h."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 10 and rest:
        return f"{hours} h {rest} min"
    if hours < 48:
        return f"{hours} h"
    days, rest = divmod(hours, 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def listed(items: Iterable[str], shown: int, total: int | None = None) -> str:
    """As "a, b, c and 12 more". `total` counts those that are known only by number."""
    everything = list(items)
    kept = everything[:shown]
    more = max(total or 0, len(everything)) - len(kept)
    text = ", ".join(kept)
    if more <= 0:
        return text
    return f"{text} and {more} more" if text else f"{more} more"
