"""The only reader of files and environment: configuration texts, and the secrets they refer to. Prints no secret, ever."""

import glob
import hashlib
import hmac
import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import msgspec

from adapters import ADAPTERS
from router.core.templates.template import template_fault
from rules.advice.lint import linted
from rules.language.yaml import Position
from rules.loading.load import Beside, BesideError, Loaded, RuleError, RulesText, load, rules_files
from rules.model.configuration import EnvSecret, FileSecret, SecretRef, Secrets

__all__ = ["ConfigError", "Files", "Gathered", "SecretError", "Vault", "gather", "read", "reads_beside", "understand"]

LARGEST_BYTES = 8 * 1024 * 1024
LARGEST_TEAM_BYTES = 1024 * 1024
"""Of a team's file: some ten thousand routes. What is larger takes others' time whenever anything is loaded."""
LARGEST_SECRET_BYTES = 64 * 1024


SHORTEST_TOKEN = 8
"""Characters of a token of `server.tokens`."""
_TOO_SHORT = (
    f"is too short for a token of server.tokens: expected {SHORTEST_TOKEN} characters or more, "
    "as `openssl rand -hex 24` makes them"
)


class ConfigError(RuntimeError):
    """A file that cannot be read; the text is for the person who named it."""


class SecretError(RuntimeError):
    """A secret that is not there, or empty; the text names the variable or the file, never a value."""


class Gathered(msgspec.Struct, frozen=True):
    """The texts of a configuration, as they are at one time."""

    files: tuple[RulesText, ...]
    """The main file first, then those of teams, by name."""
    unmatched: tuple[tuple[str, Position], ...] = ()
    """Patterns of the main file that match nothing, and where they stand."""


def read(paths: Iterable[Path], last: Mapping[str, str] | None = None) -> Loaded:
    """Read and understand configuration files. Mistakes in them come back as errors; unreadable files raise."""
    return understand(gather(paths), last)


def gather(paths: Iterable[Path]) -> Gathered:
    """The main file, others named beside it, and those that the main file names. Raises ConfigError where one of the
    named cannot be read; one that is only found by a pattern is refused alone."""
    main, *others = paths
    source = RulesText(str(main), _text(main, is_asked_for=True))
    found = {
        path.resolve(): RulesText(str(path), _text(path, is_asked_for=True), os.path.relpath(path, main.parent))
        for path in others
    }
    unmatched = []
    for pattern, mark in _patterns(source.text):
        keys = sorted(glob.glob(pattern, root_dir=main.parent, recursive=True))  # noqa: PTH207  Path.glob takes no absolute ones
        for key in keys:
            path = main.parent / key
            if not path.is_dir() and path.resolve() not in (main.resolve(), *found):
                found[path.resolve()] = _team_source(path, key)
        if not keys:
            unmatched.append((pattern, mark))
    return Gathered((source, *sorted(found.values(), key=lambda one: one.key)), tuple(unmatched))


def understand(
    gathered: Gathered,
    last: Mapping[str, str] | None = None,
    *,
    read_beside: Beside | None = None,
    is_start: bool = False,
) -> Loaded:
    """`last`: the last accepted texts of teams' files. A pattern that matched some of them and now matches nothing is
    refused; at a start, where nothing is in force yet, those texts are."""
    main, known = gathered.files[0], last or {}
    there = {file.key for file in gathered.files}
    files, errors, warnings = list(gathered.files), [], []
    for pattern, mark in gathered.unmatched:
        lost = [key for key in sorted(known) if key not in there and _is_matched(key, pattern)]
        shown = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        text = f"{pattern} matches nothing"
        if not lost:
            expected = "a team's file; until there is one nothing is missing"
            warnings.append(RuleError(main.name, mark.line, mark.column, "rules_files", text, expected))
        elif is_start:
            files += [RulesText(str(Path(main.name).parent / key), known[key], key) for key in lost]
            there |= set(lost)
            text = f"{text} any more: the last accepted text of {shown} is in force"
            warnings.append(RuleError(main.name, mark.line, mark.column, "rules_files", text, "the files it matched"))
        else:
            expected = "the files it matched, or the pattern taken out"
            text = f"{text} any more; in force is what it matched: {shown}"
            errors.append(RuleError(main.name, mark.line, mark.column, "rules_files", text, expected))
    read = load(
        files,
        adapters=ADAPTERS,
        template_fault=template_fault,
        beside=read_beside or reads_beside(main.name),
        last=known,
    )
    loaded = linted(read, ADAPTERS)
    configuration = None if errors else loaded.configuration
    return msgspec.structs.replace(
        loaded,
        configuration=configuration,
        errors=(*loaded.errors, *errors),
        warnings=(*loaded.warnings, *warnings),
    )


class Files:
    """The files of a running configuration: read again and again, and looked at for changes by their content."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._named: dict[tuple[str, str], str] = {}
        self.read_digest = ""
        """Of all texts that `read` read last, whatever came of them."""

    def read(self, last: Mapping[str, str] | None = None, *, is_start: bool = False) -> Loaded:
        """Raises ConfigError."""
        try:
            gathered = gather(self._paths)
        except ConfigError as error:
            self.read_digest = _unreadable(error)
            raise
        found: dict[tuple[str, str], str] = {}
        beside = reads_beside(gathered.files[0].name)

        def remembered(file: str, path: str) -> str:
            found[file, path] = _text_or_why(beside, file, path)
            return beside(file, path)

        loaded = understand(gathered, last, read_beside=remembered, is_start=is_start)
        self._named = found
        self.read_digest = _digest(gathered, found)
        return loaded

    def digest(self) -> str:
        """Of the texts as they are now; equal to `read_digest` while nothing has changed."""
        try:
            gathered = gather(self._paths)
        except ConfigError as error:
            return _unreadable(error)
        beside = reads_beside(gathered.files[0].name)
        return _digest(gathered, {named: _text_or_why(beside, *named) for named in self._named})


def reads_beside(main: str) -> Beside:
    """Reads what a configuration file names: a path below that file's own folder, where no link leads out of it and of
    the main file's folder. A team must not be able to read, and have posted, what only the router may read."""
    root = Path(main).parent

    def beside(file: str, path: str) -> str:
        folder = Path(file).parent
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise BesideError(f"{path} does not lie below the folder of this file")
        resolved = (folder / path).resolve()
        if not any(resolved.is_relative_to(allowed.resolve()) for allowed in (root, folder)):
            raise BesideError(f"{path} is a link that leads out of the folder of the main file")
        try:
            return _text(folder / path)
        except ConfigError as error:
            raise BesideError(str(error)) from error

    return beside


def _text_or_why(beside: Beside, file: str, path: str) -> str:
    try:
        return beside(file, path)
    except BesideError as error:
        return f"\0{error}"


def _digest(gathered: Gathered, named: Mapping[tuple[str, str], str]) -> str:
    """By names relative to the main file: whoever names that in another way reads the same."""
    folder = Path(gathered.files[0].name).parent
    texts = [(file.known_as, file.fault, file.text) for file in gathered.files]
    beside = sorted((os.path.relpath(file, folder), path, text) for (file, path), text in named.items())
    document = msgspec.json.encode((texts, [pattern for pattern, _ in gathered.unmatched], beside))
    return hashlib.blake2b(document, digest_size=16).hexdigest()


def _unreadable(error: ConfigError) -> str:
    return f"unreadable: {error}"


@lru_cache(maxsize=2)
def _patterns(text: str) -> tuple[tuple[str, Position], ...]:
    """Looked at every few seconds: a text of many routes takes long to read."""
    return rules_files(text)


def _is_matched(key: str, pattern: str) -> bool:
    return fnmatchcase(key, pattern) or fnmatchcase(key, pattern.replace("**/", ""))


def _team_source(path: Path, key: str) -> RulesText:
    try:
        return RulesText(str(path), _text(path, LARGEST_TEAM_BYTES), key)
    except ConfigError as error:
        return RulesText(str(path), "", key, str(error))


def _text(path: Path, most: int = LARGEST_BYTES, *, is_asked_for: bool = False) -> str:
    """Of a regular file; of what a person named, such as <(git show …), also of a pipe. Raises ConfigError."""
    try:
        content = _content(path, most, waits=is_asked_for)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    if content is None:
        raise ConfigError(f"{path} is no regular file: devices and pipes are not read")
    if len(content) > most:
        raise ConfigError(f"{path} is larger than {most // 1024 // 1024} MiB: that is no configuration")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start})") from error


def _content(path: Path, most: int, *, waits: bool = False) -> bytes | None:
    """At most one byte more than `most`; None: it is no regular file. Unless it `waits`, no pipe is waited for and no
    device read: what it is, is asked of what was opened. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if waits else os.O_NONBLOCK))
    with open(descriptor, "rb") as file:  # noqa: PTH123  a descriptor, no path
        return file.read(most + 1) if waits or stat.S_ISREG(os.fstat(descriptor).st_mode) else None


class Vault:
    """Secrets by reference: read when the configuration comes into force, again when one was refused, and those in files
    when they change."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._known: dict[SecretRef, str] = {}
        self._tokens: frozenset[SecretRef] = frozenset()

    def open(self, references: Iterable[SecretRef], *, tokens: Collection[SecretRef] = ()) -> None:
        """Read all of these. Raises SecretError with every one that is missing, or too short for one of those `tokens` that
        people and programs present to us."""
        fresh, missing = {}, []
        for reference in references:
            try:
                fresh[reference] = self._read(reference)
            except SecretError as error:
                missing.append(str(error))
                continue
            if reference in tokens and len(fresh[reference]) < SHORTEST_TOKEN:
                missing.append(f"{_where(reference)} {_TOO_SHORT}")
        if missing:
            raise SecretError("\n".join(missing))
        self._known = {**self._known, **fresh}
        self._tokens |= frozenset(tokens)

    def changed_files(self) -> dict[SecretRef, str]:
        """What files say now that said something else when they were read; not those that could not be opened so."""
        found: dict[SecretRef, str] = {}
        for reference, known in self._known.items():
            if not isinstance(reference, FileSecret):
                continue
            try:
                value = self._read(reference)
            except SecretError:
                continue
            if value != known and not (reference in self._tokens and len(value) < SHORTEST_TOKEN):
                found[reference] = value
        return found

    def take(self, changed: Mapping[SecretRef, str]) -> None:
        """From now on these are the values."""
        self._known = {**self._known, **changed}

    def one(self, secrets: Secrets) -> str:
        """The first of several that are valid at once: the one that we present ourselves."""
        return self._known[secrets[0]]

    def all(self, secrets: Secrets) -> tuple[str, ...]:
        return tuple(self._known[reference] for reference in secrets)

    def accepts(self, secrets: Secrets, presented: str) -> bool:
        """Whether what was presented is one of these; takes as long whichever it is."""
        given, found = presented.encode("utf-8", "surrogateescape"), False
        for reference in secrets:
            found = hmac.compare_digest(self._known[reference].encode(), given) or found
        return found

    def _read(self, reference: SecretRef) -> str:
        match reference:
            case EnvSecret(name):
                value = self._environment.get(name, "")
                if not value:
                    raise SecretError(
                        f"the environment variable {name} is not set, or empty; the configuration takes a secret from it"
                    )
                return value
            case FileSecret(path):
                try:
                    content = _content(Path(path), LARGEST_SECRET_BYTES)
                except OSError as error:
                    raise SecretError(f"cannot read the secret file {path}: {error.strerror}") from error
                if content is None:
                    raise SecretError(f"the secret file {path} is no regular file")
                if len(content) > LARGEST_SECRET_BYTES:
                    raise SecretError(f"the secret file {path} is larger than {LARGEST_SECRET_BYTES // 1024} KiB")
                try:
                    value = content.decode()
                except UnicodeDecodeError as error:
                    raise SecretError(f"the secret file {path} is not UTF-8 text") from error
                value = value.removesuffix("\n").removesuffix("\r")
                if not value:
                    raise SecretError(f"the secret file {path} is empty")
                return value


def _where(reference: SecretRef) -> str:
    match reference:
        case EnvSecret(name):
            return f"the environment variable {name}"
        case FileSecret(path):
            return f"the secret file {path}"
