"""A main file and a folder of teams' files, as they lie on a disk."""

import shutil
from pathlib import Path

MAIN = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: {token: {env: SLACK_BOT_TOKEN}, api_url: "<slack>", fallback_channel: "#router"}
sources: {shell: {adapter: generic, auth: none, map: {title: title, status: status, severity: severity}, labels: {team: {label: team}}}}
rules_files: [rules.d/*.yaml]
routing: {channel: "#alerts", group_wait: 0s}
people: {lead: {email: lead@example.com}}
"""


def team(name: str, more: str = "", *, owner: str = "", scope: str = "") -> str:
    whose = owner or f'{{channel: "#{name}"}}'
    matcher = scope or f"team = {name}"
    return f'version: 1\nteam: {name}\nowner: {whose}\nscope: [{matcher!r}]\nrouting: {{channel: "#{name}"}}\n{more}'


class Folder:
    """Writes whole files at once, as an editor or a ConfigMap does."""

    def __init__(self, path: Path, **teams: str) -> None:
        self.path = path
        self.main = path / "router.yaml"
        self.teams = path / "rules.d"
        self.teams.mkdir(parents=True, exist_ok=True)
        for name, text in teams.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        fresh = self.path / f"{name}.new"
        fresh.write_text(text)
        fresh.replace(self.teams / f"{name}.yaml")

    def remove(self, name: str) -> None:
        (self.teams / f"{name}.yaml").unlink()

    def unmount(self) -> None:
        shutil.rmtree(self.teams)
