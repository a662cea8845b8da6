"""Which texts make a configuration: what the main file names, what lies beside it, what of it can be read."""

import os
from pathlib import Path

import pytest

from router.runtime.config import ConfigError, Files, gather, understand
from rules.loading.load import Loaded
from tests.files.folder import MAIN, Folder, team
from tests.process import filled


def folder(path: Path, main: str = MAIN, **teams: str) -> Folder:
    found = Folder(path, **teams)
    found.main.write_text(filled(main, path))
    return found


def keys(place: Folder) -> list[str]:
    return [file.key for file in gather([place.main]).files[1:]]


def in_force(loaded: Loaded) -> list[str]:
    assert loaded.errors == ()
    assert loaded.configuration is not None
    return [one.name for one in loaded.configuration.teams]


def test_globs_are_relative_to_the_main_file_and_sorted_by_name(tmp_path: Path) -> None:
    place = folder(tmp_path, b=team("b"), a=team("a"))
    (place.teams / ".hidden.yaml").write_text("")
    (place.teams / "notes.txt").write_text("")
    (place.teams / "folder.yaml").mkdir()
    gathered = gather([place.main])
    assert [file.key for file in gathered.files[1:]] == ["rules.d/a.yaml", "rules.d/b.yaml"]
    assert [file.name for file in gathered.files] == [
        str(tmp_path / one) for one in ("router.yaml", "rules.d/a.yaml", "rules.d/b.yaml")
    ]
    assert gathered.unmatched == ()
    assert in_force(understand(gathered)) == ["a", "b"]


def test_a_file_is_taken_once_and_the_main_file_never(tmp_path: Path) -> None:
    patterns = f"[rules.d/a.yaml, '*.yaml', '**/*.yaml', '{tmp_path}/rules.d/*.yaml']"
    place = folder(tmp_path, MAIN.replace("[rules.d/*.yaml]", patterns), a=team("a"))
    assert keys(place) == ["rules.d/a.yaml"]
    named = gather([place.main, place.teams / "a.yaml"])
    assert [file.key for file in named.files[1:]] == ["rules.d/a.yaml"]


def test_a_file_that_cannot_be_read_is_refused_alone(tmp_path: Path) -> None:
    place = folder(tmp_path, a=team("a"), large="#" * (1024 * 1024 + 1))
    (place.teams / "bytes.yaml").write_bytes(b"team: \xff")
    (place.teams / "dangling.yaml").symlink_to(place.teams / "nowhere")
    os.mkfifo(place.teams / "pipe.yaml")
    loaded = understand(gather([place.main]))
    assert in_force(loaded) == ["a"]
    where = str(place.teams)
    assert [str(error).removeprefix(where) for error in loaded.all_errors] == [
        f"/bytes.yaml:1:1: {where}/bytes.yaml is not UTF-8 text (byte 6); expected a file that can be read",
        f"/dangling.yaml:1:1: cannot read {where}/dangling.yaml: No such file or directory; expected a file that can be read",
        f"/large.yaml:1:1: {where}/large.yaml is larger than 1 MiB: that is no configuration; expected a file that can be read",
        f"/pipe.yaml:1:1: {where}/pipe.yaml is no regular file: devices and pipes are not read; expected a file that can be read",
    ]


def test_a_pattern_that_matches_nothing_yet_is_a_warning(tmp_path: Path) -> None:
    place = folder(tmp_path)
    loaded = understand(gather([place.main]))
    assert in_force(loaded) == []
    assert [str(one) for one in loaded.warnings if one.path == "rules_files"] == [
        f"{place.main}:7:15: rules_files: rules.d/*.yaml matches nothing; expected a team's file; until there is one nothing is missing"
    ]


def test_a_glob_that_suddenly_matches_nothing_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path)
    last = {f"rules.d/{name}.yaml": team(name) for name in "abcd"}
    loaded = understand(gather([place.main]), last)
    assert loaded.configuration is None
    assert [str(error) for error in loaded.errors] == [
        (
            f"{place.main}:7:15: rules_files: rules.d/*.yaml matches nothing any more; in force is what it matched: "
            "rules.d/a.yaml, rules.d/b.yaml, rules.d/c.yaml and 1 more; expected the files it matched, or the pattern taken out"
        )
    ]


def test_at_a_start_its_last_accepted_texts_are_in_force_instead(tmp_path: Path) -> None:
    place = folder(tmp_path, MAIN.replace("[rules.d/*.yaml]", "['rules.d/*.yaml', 'rules.d/**/a.yaml', 'other/*']"))
    loaded = understand(gather([place.main]), {"rules.d/a.yaml": team("a")}, is_start=True)
    assert in_force(loaded) == ["a"]
    assert [one.message for one in loaded.warnings if one.path == "rules_files"] == [
        "rules.d/*.yaml matches nothing any more: the last accepted text of rules.d/a.yaml is in force",
        "rules.d/**/a.yaml matches nothing",
        "other/* matches nothing",
    ]


def test_a_file_that_is_gone_while_others_are_there_takes_its_routes_with_it(tmp_path: Path) -> None:
    place = folder(tmp_path, a=team("a"))
    last = {"rules.d/a.yaml": team("a"), "rules.d/b.yaml": team("b")}
    assert in_force(understand(gather([place.main]), last)) == ["a"]


def test_a_file_named_on_the_command_line_must_be_there(tmp_path: Path) -> None:
    place = folder(tmp_path)
    with pytest.raises(ConfigError, match="cannot read"):
        gather([place.main, tmp_path / "nowhere.yaml"])


def test_the_digest_is_that_of_the_content_and_not_of_times_or_links(tmp_path: Path) -> None:
    place = folder(tmp_path, a=team("a"))
    files = Files([place.main])
    files.read()
    assert files.digest() == files.read_digest

    # As Kubernetes changes a ConfigMap: a link to a folder is replaced.
    real = [tmp_path / "..one", tmp_path / "..two"]
    for number, path in enumerate(real):
        path.mkdir()
        (path / "a.yaml").write_text(team("a", "windows: {w: {hours: 09:00-10:00}}\n" * number))
    place.unmount()
    place.teams.symlink_to(real[0])
    assert files.digest() == files.read_digest
    place.teams.unlink()
    place.teams.symlink_to(real[1])
    assert files.digest() != files.read_digest
    files.read()
    assert files.digest() == files.read_digest

    os.utime(real[1] / "a.yaml", (1, 1))
    assert files.digest() == files.read_digest
    place.main.write_text("a: [")
    changed = files.digest()
    assert changed != files.read_digest
    assert files.read().errors
    assert files.digest() == files.read_digest == changed

    place.main.unlink()
    with pytest.raises(ConfigError):
        files.read()
    assert files.digest() == files.read_digest


def test_files_that_the_configuration_names_are_looked_at_too(tmp_path: Path) -> None:
    place = folder(tmp_path, f"{MAIN}catalog: {{service: {{file: services.yaml}}}}\n", a=team("a"))
    services = tmp_path / "services.yaml"
    services.write_text("{checkout: {page: lead}}")
    files = Files([place.main])
    assert in_force(files.read()) == ["a"]
    assert files.digest() == files.read_digest
    services.write_text("{checkout: {page: leda}}")
    assert files.digest() != files.read_digest
    assert files.read().errors
    services.unlink()
    gone = files.digest()
    assert gone != files.read_digest
    assert files.read().errors
    assert files.digest() == files.read_digest == gone
