"""A source is one file, one line in a registry and one folder of samples: nothing else needs to know of it."""

from pathlib import Path

import pytest

from adapters import ADAPTERS
from adapters.adapter import Adapter
from tests.adapters.samples import became, cases, expected
from tests.trial.foghorn import FOGHORN

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
REGISTRY = {adapter.name: adapter for adapter in (*ADAPTERS.values(), FOGHORN)}


@pytest.mark.parametrize(("adapter", "path"), [pytest.param(*case, id=case[1].stem) for case in cases(REGISTRY, HERE)])
def test_sample_becomes_what_stands_beside_it(adapter: Adapter, path: Path) -> None:
    assert became(adapter, path) == expected(path)


def test_its_samples_are_found_by_the_registry_it_is_given() -> None:
    assert [path.stem for _, path in cases(REGISTRY, HERE)] == ["blasts", "not_a_list"]
    assert cases(ADAPTERS, HERE) == []


def test_no_other_file_names_it() -> None:
    sources = [
        path for pattern in ("*.py", "*.md", "*.toml", "*.yaml", "*.json", "Makefile") for path in ROOT.rglob(pattern)
    ]
    ours = [path for path in sources if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]
    naming = {path for path in ours if FOGHORN.name in path.read_text(errors="replace").lower()}
    assert naming
    assert all(path.is_relative_to(HERE) for path in naming), naming
