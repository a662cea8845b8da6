"""The shape of the house, counted over its import graph: few rooms, small ones, and no way back up."""

from collections import Counter, defaultdict
from graphlib import TopologicalSorter

import grimp
import pytest

ROOTS = ("adapters", "rules", "router")
MOST_ROOMS = 12
MOST_MODULES = 16


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOTS, cache_dir=None)


def test_the_service_has_few_rooms(graph: grimp.ImportGraph) -> None:
    assert len(graph.find_children("router")) <= MOST_ROOMS


def test_a_package_is_small(graph: grimp.ImportGraph) -> None:
    sizes = Counter({name: len(graph.find_children(name)) for name in graph.modules})
    assert {name: size for name, size in sizes.items() if size > MOST_MODULES} == {}


def test_modules_import_each_other_in_no_circle(graph: grimp.ImportGraph) -> None:
    TopologicalSorter({name: graph.find_modules_directly_imported_by(name) for name in graph.modules}).prepare()


def test_packages_import_each_other_in_no_circle(graph: grimp.ImportGraph) -> None:
    """Inside each package its rooms stand on floors too: an import from a lower to a higher one would close a circle."""
    for package in sorted(name for name in graph.modules if graph.find_children(name)):
        rooms: defaultdict[str, set[str]] = defaultdict(set)
        for module in graph.find_descendants(package):
            for imported in graph.find_modules_directly_imported_by(module):
                here, there = _room(package, module), _room(package, imported)
                if there and here != there:
                    rooms[here].add(there)
        TopologicalSorter(rooms).prepare()


def _room(package: str, module: str) -> str:
    """The child of a package that a module lies in; "" outside of it, and for the package's own face."""
    rest = module.removeprefix(f"{package}.")
    return "" if rest == module else rest.partition(".")[0]
