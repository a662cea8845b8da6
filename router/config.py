"""The only reader of files and environment: configuration texts, and the secrets they refer to. Prints no secret, ever."""

import hmac
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from adapters import ADAPTERS
from router.core.template import template_fault
from rules.configuration import EnvSecret, FileSecret, SecretRef, Secrets
from rules.load import BesideError, Loaded, Source, load

__all__ = ["ConfigError", "SecretError", "Vault", "beside", "read", "texts"]

LARGEST_BYTES = 8 * 1024 * 1024


class ConfigError(RuntimeError):
    """A file that cannot be read; the text is for the person who named it."""


class SecretError(RuntimeError):
    """A secret that is not there, or empty; the text names the variable or the file, never a value."""


def read(paths: Iterable[Path]) -> Loaded:
    """Read and understand configuration files. Mistakes in them come back as errors; unreadable files raise."""
    return load(texts(paths), adapters=ADAPTERS, template_fault=template_fault, beside=beside)


def texts(paths: Iterable[Path]) -> list[Source]:
    """The files as they are. Raises ConfigError."""
    return [Source(str(path), _text(path)) for path in paths]


def beside(file: str, path: str) -> str:
    """The text of a file that a configuration file names, relative to that file. Raises BesideError."""
    try:
        return _text(Path(file).parent / path)
    except ConfigError as error:
        raise BesideError(str(error)) from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ConfigError(f"{path} is larger than {LARGEST_BYTES // 1024 // 1024} MiB: that is no configuration")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error


class Vault:
    """Secrets by reference: read when the configuration comes into force, and again when one was refused."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._known: dict[SecretRef, str] = {}

    def open(self, references: Iterable[SecretRef]) -> None:
        """Read all of these. Raises SecretError with every one that is missing."""
        fresh, missing = {}, []
        for reference in references:
            try:
                fresh[reference] = self._read(reference)
            except SecretError as error:
                missing.append(str(error))
        if missing:
            raise SecretError("\n".join(missing))
        self._known = {**self._known, **fresh}

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
                    value = Path(path).read_text(encoding="utf-8")
                except UnicodeDecodeError as error:
                    raise SecretError(f"the secret file {path} is not UTF-8 text") from error
                except OSError as error:
                    raise SecretError(f"cannot read the secret file {path}: {error.strerror}") from error
                value = value.removesuffix("\n").removesuffix("\r")
                if not value:
                    raise SecretError(f"the secret file {path} is empty")
                return value
