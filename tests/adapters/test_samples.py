"""Every sample of every registered adapter becomes what stands beside it."""

from pathlib import Path

import pytest

from adapters import ADAPTERS
from adapters.adapter import Adapter
from tests.adapters.samples import became, cases, expected

FOLDER = Path(__file__).parent


@pytest.mark.parametrize(
    ("adapter", "path"), [pytest.param(*case, id=f"{case[0].name}/{case[1].stem}") for case in cases(ADAPTERS, FOLDER)]
)
def test_sample_becomes_what_stands_beside_it(adapter: Adapter, path: Path) -> None:
    assert became(adapter, path) == expected(path)


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_every_adapter_has_its_samples(name: str) -> None:
    assert len(cases({name: ADAPTERS[name]}, FOLDER)) >= 12


def test_the_registry_knows_adapters_by_their_own_name() -> None:
    assert {name: adapter.name for name, adapter in ADAPTERS.items()} == {name: name for name in ADAPTERS}
    assert [name for name, adapter in ADAPTERS.items() if adapter.is_prometheus_family] == ["prometheus"]
    assert all(adapter.docs.startswith("https://") for adapter in ADAPTERS.values())
