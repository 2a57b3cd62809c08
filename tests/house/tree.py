"""The files of the package as modules: what each imports, defines and uses."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import field, frozen

ROOT = Path(__file__).parents[2]
ROOTS = (ROOT / "core", ROOT / "adapters")

ADAPTERS = frozenset({"asyncio", "blocking", "memory", "trio"})
"""Packages that have the same things, each for its own way of waiting."""


@frozen(eq=False)
class Module:
    """One file."""

    name: str
    """With dots; that of the package for an ``__init__``."""

    path: Path
    tree: ast.Module = field(repr=False)
    lines: int

    @property
    def package(self) -> str:
        """The folder below ``dicomwire`` that the file is in; empty on the top level."""
        parts = self.path.relative_to(self.root).parts
        return parts[1] if len(parts) > 2 else ""

    @property
    def root(self) -> Path:
        return next(root for root in ROOTS if self.path.is_relative_to(root))

    def at(self, node: ast.AST) -> str:
        """The place of a node, as tools show places."""
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def read(path: Path, root: Path) -> Module:
    """A file as a module."""
    text = path.read_text("utf-8")
    name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, path, ast.parse(text), len(text.splitlines()))


@cache
def modules() -> dict[str, Module]:
    """All modules of the package by name."""
    found = [read(path, root) for root in ROOTS for path in sorted((root / "dicomwire").rglob("*.py"))]
    return {module.name: module for module in found}


def is_home(module: Module) -> bool:
    """Whether it is only the documented name of another module."""
    return (ast.get_docstring(module.tree) or "").startswith("The documented home of ")


def imported(module: Module) -> Iterator[tuple[str, str | None, ast.AST]]:
    """The modules and names of the package that it imports, at any depth and for type checkers too."""
    known = modules()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None, node) for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner, None, node) if inner in known else (node.module, alias.name, node)


def is_private(name: str) -> bool:
    """One underscore, which means: of this file only."""
    return name.startswith("_") and not name.startswith("__") and name != "_"


@cache
def private_names(module: Module) -> frozenset[str]:
    """The private names that a file defines: functions, classes, variables, attributes."""
    return frozenset(filter(is_private, _defined(module.tree)))


def _defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _of_itself(node):
            yield node.attr


def _of_itself(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


@frozen
class Use:
    """A private name that is used in another file than the one that defines it."""

    way: str
    """``object``, ``subclass`` or ``import``."""

    name: str
    place: str
    across: bool
    """Whether none of the files that define it is in the package of the one that uses it."""


def uses(module: Module) -> Iterator[Use]:
    """The private names of other files that this one uses."""
    own, defined = private_names(module), _definers()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr not in own and node.attr in defined:
            way = "subclass" if _of_itself(node) else "object"
            yield Use(way, node.attr, module.at(node), module.package not in defined[node.attr])
    for home, name, node in imported(module):
        if name is not None and is_private(name):
            yield Use("import", name, module.at(node), modules()[home].package != module.package)


@cache
def all_uses() -> tuple[Use, ...]:
    """Those of all modules."""
    return tuple(use for module in modules().values() for use in uses(module))


@cache
def _definers() -> dict[str, frozenset[str]]:
    """The packages that define each private name."""
    found: dict[str, set[str]] = {}
    for module in modules().values():
        for name in private_names(module):
            found.setdefault(name, set()).add(module.package)
    return {name: frozenset(packages) for name, packages in found.items()}


def forget() -> None:
    """Read everything again."""
    for known in (modules, private_names, all_uses, _definers):
        known.cache_clear()
