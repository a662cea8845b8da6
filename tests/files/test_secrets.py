"""Secrets by reference: read from the environment and from files, named when they are not there, never printed."""

from pathlib import Path

import pytest

from router.runtime.config import SecretError, Vault
from rules.model.configuration import EnvSecret, FileSecret


@pytest.mark.parametrize(("written", "read"), [("s3cret\n", "s3cret"), ("s3cret", "s3cret"), ("a\nb\n\n", "a\nb\n")])
def test_one_newline_at_the_end_of_a_file_is_dropped(tmp_path: Path, written: str, read: str) -> None:
    (tmp_path / "token").write_text(written)
    reference = FileSecret(str(tmp_path / "token"))
    vault = Vault({})
    vault.open([reference])
    assert vault.one((reference,)) == read


def test_what_is_unset_or_empty_is_named_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    wanted = (EnvSecret("UNSET"), EnvSecret("EMPTY"), FileSecret(f"{tmp_path}/empty"), FileSecret(f"{tmp_path}/gone"))
    with pytest.raises(SecretError) as refused:
        Vault({"EMPTY": "", "GOOD": "s3cret"}).open([EnvSecret("GOOD"), *wanted])
    assert str(refused.value).splitlines() == [
        "the environment variable UNSET is not set, or empty; the configuration takes a secret from it",
        "the environment variable EMPTY is not set, or empty; the configuration takes a secret from it",
        f"the secret file {tmp_path}/empty is empty",
        f"cannot read the secret file {tmp_path}/gone: No such file or directory",
    ]


def test_they_are_read_again_when_opened_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    reference = FileSecret(str(tmp_path / "token"))
    vault = Vault({})
    vault.open([reference])
    (tmp_path / "token").write_text("new")
    assert vault.one((reference,)) == "old"
    vault.open([reference])
    assert vault.one((reference,)) == "new"
    assert vault.accepts((reference,), "new")
    assert not vault.accepts((reference,), "old")


def test_a_token_that_is_guessed_in_a_minute_is_refused(tmp_path: Path) -> None:
    (tmp_path / "admin").write_text("seven77\n")
    file = FileSecret(f"{tmp_path}/admin")
    environment = {"READ": "a", "LONG": "12345678", "SLACK": "b"}
    references = (EnvSecret("SLACK"), EnvSecret("READ"), EnvSecret("LONG"), file)
    with pytest.raises(SecretError) as refused:
        Vault(environment).open(references, tokens={EnvSecret("READ"), EnvSecret("LONG"), file})
    expected = "expected 8 characters or more, as `openssl rand -hex 24` makes them"
    assert str(refused.value).splitlines() == [
        f"the environment variable READ is too short for a token of server.tokens: {expected}",
        f"the secret file {tmp_path}/admin is too short for a token of server.tokens: {expected}",
    ]
