"""What a configuration file may have read: a path below its own folder, a regular file, a bounded number of bytes."""

import os
from pathlib import Path

import pytest

from router.runtime.config import Files, SecretError, Vault, read
from rules.model.configuration import FileSecret
from tests.files.folder import MAIN, Folder, team
from tests.process import filled

READING = 'routing: {{channel: "#a", template: {{file: {path}}}}}'


def folder(place: Path, path: str, main: str = MAIN) -> Folder:
    """A router's folder in which the file of a team has a template read."""
    text = team("a").replace('routing: {channel: "#a"}', READING.format(path=path))
    found = Folder(place, a=text)
    found.main.write_text(filled(main, place))
    return found


def complaint(place: Folder) -> str:
    loaded = read([place.main])
    assert loaded.configuration is not None
    [refused] = loaded.refused
    [error] = refused.errors
    return error.message


@pytest.mark.parametrize("path", ["../token", "x/../../token", "{root}/token", "/dev/zero"])
def test_a_teams_file_reads_nothing_above_its_own_folder(tmp_path: Path, path: str) -> None:
    (tmp_path / "token").write_text("xoxb-secret")
    said = path.format(root=tmp_path)
    assert complaint(folder(tmp_path, said)) == f"{said} does not lie below the folder of this file"


def test_a_link_leads_nowhere_outside(tmp_path: Path) -> None:
    place = folder(tmp_path / "etc", "words.j2")
    (tmp_path / "token").write_text("xoxb-secret")
    (place.teams / "words.j2").symlink_to(tmp_path / "token")
    assert complaint(place) == "words.j2 is a link that leads out of the folder of the main file"
    (place.teams / "words.j2").unlink()
    (place.teams / "words.j2").symlink_to("/dev/zero")
    assert complaint(place) == "words.j2 is a link that leads out of the folder of the main file"


def test_whether_something_is_there_outside_is_not_said(tmp_path: Path) -> None:
    place = folder(tmp_path / "etc", "there/words.j2")
    (place.teams / "there").symlink_to(tmp_path / "nowhere")
    assert complaint(place) == "there/words.j2 is a link that leads out of the folder of the main file"


def test_a_mounted_folder_changes_by_links_within_it(tmp_path: Path) -> None:
    place = folder(tmp_path, "words.j2")
    data = place.teams / "..2026_12_24"
    data.mkdir()
    (data / "words.j2").write_text("{{ summary }}")
    (place.teams / "..data").symlink_to(data.name)
    (place.teams / "words.j2").symlink_to("..data/words.j2")
    assert read([place.main]).all_errors == ()


def test_a_teams_file_that_lies_elsewhere_has_its_own_folder(tmp_path: Path) -> None:
    elsewhere = Folder(
        tmp_path / "srv", a=team("a").replace('routing: {channel: "#a"}', READING.format(path="words.j2"))
    )
    (elsewhere.teams / "words.j2").write_text("{{ summary }}")
    place = Folder(tmp_path / "etc")
    place.main.write_text(filled(MAIN.replace("[rules.d/*.yaml]", f"['{elsewhere.teams}/*.yaml']"), tmp_path))
    assert read([place.main]).all_errors == ()


def test_a_pipe_is_not_waited_for_and_a_large_file_not_read(tmp_path: Path) -> None:
    place = folder(tmp_path, "words.j2")
    os.mkfifo(place.teams / "words.j2")
    where = place.teams / "words.j2"
    assert complaint(place) == f"{where} is no regular file: devices and pipes are not read"
    files = Files([place.main])
    files.read()
    assert files.digest() == files.read_digest
    where.unlink()
    where.write_bytes(b"#" * (8 * 1024 * 1024 + 1))
    assert complaint(place) == f"{where} is larger than 8 MiB: that is no configuration"


def test_the_catalogue_is_read_as_a_template_is(tmp_path: Path) -> None:
    main = MAIN + "catalog: {service: {file: ../services.yaml}}\n"
    place = folder(tmp_path / "etc", "words.j2", main)
    (tmp_path / "services.yaml").write_text('shop: {channel: "#shop"}')
    [error] = read([place.main]).errors
    assert error.message == "../services.yaml does not lie below the folder of this file"
    place.main.write_text(place.main.read_text().replace("../services", "services"))
    (place.path / "services.yaml").symlink_to("/dev/zero")
    [error] = read([place.main]).errors
    assert error.message == "services.yaml is a link that leads out of the folder of the main file"


def test_a_person_may_name_a_pipe(tmp_path: Path) -> None:
    """As in `check --against <(git show …)`."""
    text = filled(MAIN.replace("rules_files: [rules.d/*.yaml]\n", ""), tmp_path)
    reads, writes = os.pipe()
    os.write(writes, text.encode())
    os.close(writes)
    try:
        assert read([Path(f"/dev/fd/{reads}")]).errors == ()
    finally:
        os.close(reads)


def test_a_secret_is_a_regular_file_of_bounded_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * (64 * 1024 + 1))
    with pytest.raises(SecretError) as refused:
        Vault({}).open([FileSecret("/dev/zero"), FileSecret(f"{tmp_path}/pipe"), FileSecret(f"{tmp_path}/large")])
    assert str(refused.value).splitlines() == [
        "the secret file /dev/zero is no regular file",
        f"the secret file {tmp_path}/pipe is no regular file",
        f"the secret file {tmp_path}/large is larger than 64 KiB",
    ]
