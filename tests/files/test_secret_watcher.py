"""A rotated secret is taken by itself: looked at by its content, on a clock that waits for nothing."""

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.runtime.config import Vault
from router.service.secret_watcher import SecretWatcher
from router.service.simulate import VirtualClock
from rules.model.configuration import EnvSecret, FileSecret

LONG = "long-enough-for-a-token-"


def watching(tmp_path: Path) -> tuple[Vault, SecretWatcher, FileSecret, Path]:
    file = tmp_path / "token"
    file.write_text(LONG + "old\n")
    reference = FileSecret(str(file))
    vault = Vault({"E": "of the environment"})
    vault.open([reference, EnvSecret("E")], tokens=[reference])
    return vault, SecretWatcher(vault, VirtualClock(datetime(2026, 11, 2, tzinfo=UTC))), reference, file


async def test_a_changed_file_is_taken_once_it_was_seen_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    vault, watcher, reference, file = watching(tmp_path)
    caplog.set_level(logging.INFO)
    await watcher.turn()
    file.write_text(LONG + "half")
    await watcher.turn()
    file.write_text(LONG + "new\n")
    await watcher.turn()
    assert vault.one((reference,)) == LONG + "old"
    await watcher.turn()
    assert vault.one((reference,)) == LONG + "new"
    assert vault.accepts((reference,), LONG + "new")
    assert vault.one((EnvSecret("E"),)) == "of the environment"
    assert [record.getMessage() for record in caplog.records] == ["secrets were read anew"]
    assert LONG not in caplog.text


async def test_what_cannot_be_a_secret_leaves_it_as_it_was(tmp_path: Path) -> None:
    vault, watcher, reference, file = watching(tmp_path)
    for text in ("", "short", None):
        if text is None:
            file.unlink()
        else:
            file.write_text(text)
        for _ in range(3):
            await watcher.turn()
        assert vault.one((reference,)) == LONG + "old"
