"""What in a program needs thought when it moves: what dicomwire has not, and what it has otherwise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TypeAlias

from dicomwire.migrating.places import AFTER, BEFORE
from dicomwire.migrating.renaming import binds_name, is_of

Thought: TypeAlias = tuple[int, str]
"""A line, and what to do there."""

_MACHINERY = {
    "acse": "handlers, assoc.abort() and assoc.acse.send_reject do what programs do with it",
    "dimse": "assoc.dimse.send_msg is there; Session speaks DIMSE messages without an association",
    "dul": "assoc.dul.socket.socket is there; Connection is the protocol without a transport",
    "fsm": "EVT_FSM_TRANSITION tells of the states; dicomwire.upper_layer has the table",
    "timer": "deadlines are ae.timeouts; nothing polls",
    "apps": "the applications are called as `dicomwire storescu`; take from their sources what you need of them",
}
_SIDES = {
    "acse": {"send_abort", "send_ap_abort", "send_reject"},
    "dimse": {"send_msg"},
    "dul": {"socket"},
}
"""What there is of these attributes of an association."""

_CLASSES = {"AE", "Association", "ApplicationEntity", "AssociationServer", "ThreadedAssociationServer"}
_ONES = re.compile(r"^(assoc\w*|ae|self\.(ae|assoc\w*)|scp|scu|server)$", re.IGNORECASE)
"""What programs call an AE, an association or a server."""

_PUBLIC = frozenset({"_config", "_globals", "_handlers", "_version", "__version__"})


def thoughts_about(tree: ast.AST) -> list[Thought]:
    """All of a module's, in the order of its lines; none if it does not use pynetdicom."""
    names = _Names(tree)
    found: set[Thought] = set(_strings(tree))
    if names.is_used:
        for node in ast.walk(tree):
            found.update(_imports(node))
            found.update(_uses(node, names))
    return sorted(found)


class _Names:
    """What the imports of a program bind."""

    def __init__(self, tree: ast.AST) -> None:
        self.modules: dict[str, str] = {}
        """Names of modules, to the path below pynetdicom."""

        self.imported: set[str] = set()
        """Names of what is in them."""

        if binds_name(tree):
            self.modules[BEFORE] = ""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if is_of(alias.name) and alias.asname:
                        self.modules[alias.asname] = _below(alias.name)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and is_of(node.module):
                for alias in node.names:
                    bound, path = alias.asname or alias.name, f"{_below(node.module or '')}.{alias.name}".lstrip(".")
                    self.imported.add(bound)
                    if path in _MACHINERY or _exists(path):
                        self.modules[bound] = path
        self.is_used: bool = bool(self.modules or self.imported)


def _below(module: str) -> str:
    return module.partition(".")[2]


@cache
def _exists(path: str) -> bool:
    """Whether dicomwire has a module with this path below it."""
    try:
        return find_spec(f"{AFTER}.{path}" if path else AFTER) is not None
    except ModuleNotFoundError:
        return False


@cache
def _has(path: str, name: str) -> bool:
    """Whether there is such a name in that module, or a module of it."""
    if _exists(f"{path}.{name}".lstrip(".")):
        return True
    return hasattr(import_module(f"{AFTER}.{path}" if path else AFTER), name)


def _is_gone(path: str) -> bool:
    """Whether there is nothing like this module; one of the same name may be something else."""
    return path != "apps.common" and (path.partition(".")[0] in _MACHINERY or not _exists(path))


def _missing(path: str) -> str:
    advice = _MACHINERY.get(path.partition(".")[0], "see what of it is needed, and what there is in its place")
    return f"{BEFORE}.{path} has no counterpart: {advice}"


# -- imports ---------------------------------------------------------------------------------------------------------
def _imports(node: ast.AST) -> Iterator[Thought]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if is_of(alias.name) and _below(alias.name) and _is_gone(_below(alias.name)):
                yield node.lineno, _missing(_below(alias.name))
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and is_of(node.module):
        path = _below(node.module or "")
        if path and _is_gone(path):
            yield node.lineno, _missing(path)
            return
        for alias in node.names:
            yield from ((alias.lineno, text) for text in _name(path, alias.name))


def _name(path: str, name: str) -> Iterator[str]:
    where = f"{AFTER}.{path}".rstrip(".")
    if name == "*" or name.startswith("__"):
        return
    if not path and name in _MACHINERY:
        yield _missing(name)
    elif name.endswith("SOPClass") and _has("sop_class", name.removesuffix("SOPClass")):
        yield f"{name} is called {name.removesuffix('SOPClass')} since {BEFORE} 2.0"
    elif not _has(path, name):
        yield f"{where} has no {name}: a private or renamed part of {BEFORE}; look for what it was needed for"
    elif name.startswith("_") and name not in _PUBLIC:
        yield f"{name} of {where} is private: it may go, or mean something else"


# -- uses ------------------------------------------------------------------------------------------------------------
def _uses(node: ast.AST, names: _Names) -> Iterator[Thought]:
    if isinstance(node, ast.Attribute):
        yield from _attribute(node, names)
    elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Attribute):
                yield from _assignment(target, node.value, names)
    elif isinstance(node, ast.ClassDef):
        for base in node.bases:
            name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
            if name in _CLASSES and (name in names.imported or _module_of(base, names) is not None):
                yield (
                    node.lineno,
                    f"{node.name} is a subclass of {name}: what it overrides may not be there, or not called",
                )
    elif isinstance(node, ast.Call):
        function = ast.unparse(node.func)
        if function == "isinstance" and len(node.args) == 2 and "Thread" in ast.unparse(node.args[1]):
            yield node.lineno, "an association is no threading.Thread; is_alive(), join() and name are there"


def _module_of(node: ast.expr, names: _Names) -> str | None:
    """The module below pynetdicom that an expression's attribute is looked up in; None if it is no such thing."""
    if not isinstance(node, ast.Attribute):
        return None
    path = _path(node.value, names)
    return path if path == "" or (path is not None and not _is_gone(path)) else None


def _path(node: ast.expr, names: _Names) -> str | None:
    if isinstance(node, ast.Name):
        return names.modules.get(node.id)
    if isinstance(node, ast.Attribute):
        above = _path(node.value, names)
        return None if above is None else f"{above}.{node.attr}".lstrip(".")
    return None


def _attribute(node: ast.Attribute, names: _Names) -> Iterator[Thought]:
    module = _module_of(node, names)
    if module is not None:
        yield from ((node.lineno, text) for text in _name(module, node.attr))
        return
    value = node.value
    if isinstance(value, ast.Attribute) and value.attr in _SIDES and _path(value, names) is None:
        if node.attr not in _SIDES[value.attr]:
            yield node.lineno, f"of assoc.{value.attr} there is no {node.attr}: {_MACHINERY[value.attr]}"
        return
    is_one = isinstance(value, ast.Name | ast.Attribute) and _ONES.match(ast.unparse(value))
    if is_one and node.attr.startswith("_") and not node.attr.startswith("__"):
        yield node.lineno, f"{ast.unparse(node)} is private: here it may be missing or mean something else"


def _assignment(target: ast.Attribute, value: ast.expr | None, names: _Names) -> Iterator[Thought]:
    if (
        target.attr == "require_calling_aet"
        and isinstance(value, ast.Constant)
        and isinstance(value.value, str | bytes)
    ):
        if value.value:
            yield target.lineno, "require_calling_aet is a list of titles: one title is a TypeError"
        return
    module = _module_of(target, names)
    owner = target.value.id if isinstance(target.value, ast.Name) else ""
    if module == "_config":
        if not _has("_config", target.attr):
            yield target.lineno, f"there is no option {target.attr}: it has no effect"
    elif module is not None or (owner in names.imported and owner not in names.modules and owner[:1].isupper()):
        yield target.lineno, f"{ast.unparse(target)} is replaced: nothing says that {AFTER} looks there"


# -- strings ---------------------------------------------------------------------------------------------------------
_WORD = re.compile(rf"\b{BEFORE}\b")


def _strings(tree: ast.AST) -> Iterator[Thought]:
    documentation = {id(text) for node in ast.walk(tree) for text in _docstring(node)}
    loggers = {
        id(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] == "getLogger"
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in documentation:
            continue
        if id(node) in loggers:
            if node.value.startswith(f"{BEFORE}."):
                yield (
                    node.lineno,
                    f"the logger {node.value!r}: loggers are named after {AFTER}'s own modules; use {AFTER!r}",
                )
        elif _WORD.search(node.value):
            is_path = re.fullmatch(rf"{BEFORE}[\w.]*", node.value)
            what = "names a module or a logger" if is_path else f"mentions {BEFORE}"
            yield node.lineno, f"a string {what} and was left: {node.value.strip()[:60]!r}"


def _docstring(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        for statement in node.body[:1]:
            if isinstance(statement, ast.Expr):
                yield statement.value
