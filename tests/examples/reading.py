"""The examples of rules/examples, as whoever copies one reads them: from their files, with what those name."""

from functools import cache
from pathlib import Path

from router.runtime.config import read
from rules.loading.load import Loaded
from rules.model.configuration import Configuration

EXAMPLES = Path(__file__).parents[2] / "rules" / "examples"
NAMES = sorted(folder.name for folder in EXAMPLES.iterdir() if (folder / "main.yaml").exists())


@cache
def loaded(name: str) -> Loaded:
    return read([EXAMPLES / name / "main.yaml"])


def configuration(name: str) -> Configuration:
    found = loaded(name)
    assert found.errors == ()
    assert found.configuration is not None
    return found.configuration
