"""What is counted, each as the list of its places."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from tests.house.tree import ADAPTERS, ROOT, Module, all_uses, imported, is_home, modules

Count: TypeAlias = Callable[[], list[str]]

LONG = 450
LONG_ADAPTER = 400
MOST_ASSERTS = 8


def import_circles() -> list[list[str]]:
    """Groups of modules that import each other, imports in functions and for type checkers included."""
    # Not the package itself: it has the names of all.
    graph = {
        module.name: {home for home, _, _ in imported(module) if home not in (module.name, "dicomwire")}
        for module in modules().values()
        if module.name != "dicomwire"
    }
    reached = {name: _reached(name, graph) for name in graph}
    circles = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
    return sorted((sorted(circle) for circle in circles if len(circle) > 1), key=len, reverse=True)


def _reached(start: str, graph: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in graph[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return found


def files_in_circles() -> list[str]:
    """The modules of all circles."""
    return [name for circle in import_circles() for name in circle]


def circles() -> list[str]:
    """One line for each circle."""
    return [f"{len(circle)} files: {', '.join(circle)}" for circle in import_circles()]


def _uses(*ways: str, across: bool = False) -> list[str]:
    return [f"{use.place}: {use.name}" for use in all_uses() if use.way in ways and (use.across or not across)]


def through_an_object() -> list[str]:
    """Private names of another file, asked of an object."""
    return _uses("object")


def in_a_subclass() -> list[str]:
    """Private names that a base class in another file defines."""
    return _uses("subclass")


def imported_private() -> list[str]:
    """Private names that are imported."""
    return _uses("import")


def across_packages() -> list[str]:
    """Private names of another package, however they are used."""
    return _uses("object", "subclass", "import", across=True)


def long_files() -> list[str]:
    """Files that are longer than the house allows, but for tables of data."""
    return _longer(LONG, lambda module: not _is_table(module))


def long_adapter_files() -> list[str]:
    """Files of adapters that are longer than adapters are to be."""
    return _longer(LONG_ADAPTER, lambda module: module.root.name == "adapters")


def _longer(most: int, wanted: Callable[[Module], bool]) -> list[str]:
    found = [module for module in modules().values() if module.lines > most and wanted(module)]
    return [f"{module.path.relative_to(ROOT)}: {module.lines} lines" for module in found]


def _is_table(module: Module) -> bool:
    """Whether most of it is assignments on the top level."""
    assigned = [node for node in module.tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return sum((node.end_lineno or 0) - node.lineno + 1 for node in assigned) > module.lines / 2


def module_names_twice() -> list[str]:
    """File names that occur twice; what every adapter has counts once, and so does a documented alias."""
    places: dict[str, dict[str, str]] = {}
    for module in modules().values():
        if not is_home(module) and module.path.stem not in ("__init__", "__main__"):
            place = str(module.path.relative_to(ROOT))
            places.setdefault(module.path.stem.lstrip("_"), {}).setdefault(_family(module, place), place)
    return _twice(places)


def class_names_twice() -> list[str]:
    """Public classes of one name; what every adapter has counts once."""
    places: dict[str, dict[str, str]] = {}
    for module in modules().values():
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                place = module.at(node)
                places.setdefault(node.name, {}).setdefault(_family(module, place), place)
    return _twice(places)


def _family(module: Module, place: str) -> str:
    return "adapters" if module.root.name == "adapters" and module.package in ADAPTERS else place


def _twice(places: dict[str, dict[str, str]]) -> list[str]:
    return [f"{name}: {', '.join(found.values())}" for name, found in sorted(places.items()) if len(found) > 1]


def imports_of_test_modules() -> list[str]:
    """Imports of one test module by another."""
    return list(_imports_of_test_modules())


def _imports_of_test_modules() -> Iterator[str]:
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names: Sequence[str] = ()
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if any(name.startswith("tests.") and ".test_" in name for name in names):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def long_tests() -> list[str]:
    """Tests that assert more than eight times, and so have more than one subject; a loop counts once, a helper not."""
    return list(_long_tests())


def _long_tests() -> Iterator[str]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                count = sum(isinstance(inner, ast.Assert) for inner in ast.walk(node))
                if count > MOST_ASSERTS:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}: {count} in {node.name}"
