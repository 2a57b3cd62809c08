"""Renaming one module in the source of a program, and nothing else: comments and strings stay, but for loggers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from io import StringIO
from tokenize import NAME, TokenInfo, generate_tokens
from typing import TypeAlias

from dicomwire.migrating.places import AFTER, BEFORE

Spot: TypeAlias = tuple[int, int]
"""Line from 1, and column in characters from 0."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def lines_of(source: str) -> list[str]:
    """Lines as Python counts them, with their ends: a form feed ends none."""
    return _LINE.findall(source)


def renamed(source: str, tree: ast.AST) -> tuple[str, int]:
    """The source with the name of the module changed, and in how many spots; ``tree`` is what it parses to."""
    lines = lines_of(source)
    spots = {*_in_imports(source, tree), *_in_expressions(lines, tree)}
    # Python 3.11 is wrong about some places in f-strings: see left_in().
    spots = {(number, column) for number, column in spots if lines[number - 1].startswith(BEFORE, column)}
    for number, column in sorted(spots, reverse=True):
        line = lines[number - 1]
        lines[number - 1] = line[:column] + AFTER + line[column + len(BEFORE) :]
    return "".join(lines), len(spots)


def is_of(module: str | None) -> bool:
    """Whether this is the module, or one in it."""
    return module is not None and module.partition(".")[0] == BEFORE


def left_in(tree: ast.AST) -> list[int]:
    """The lines where the name is still used, of a module that is parsed after renaming."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == BEFORE]


# -- imports: the tree says which statements, the tokens where in them -----------------------------------------------
def _in_imports(source: str, tree: ast.AST) -> Iterator[Spot]:
    statements = [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(is_of(alias.name) for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and node.level == 0 and is_of(node.module))
    ]
    if not statements:
        return
    is_module = False
    in_from = False
    for token in generate_tokens(StringIO(source, newline="").readline):
        if token.type == NAME and token.string in ("import", "from"):
            # What follows the import of a from-import are names, not modules.
            is_module = not (in_from and token.string == "import")
            in_from = token.string == "from"
        elif token.string == "," and not in_from:
            is_module = True
        elif token.type == NAME:
            if is_module and token.string == BEFORE and _is_within(token, statements):
                yield token.start
            is_module = False
        elif token.string not in ("(", "\\"):
            is_module = is_module and not token.string.strip()


def _is_within(token: TokenInfo, statements: list[tuple[int, int]]) -> bool:
    return any(first <= token.start[0] <= last for first, last in statements)


# -- uses of the name that an import binds ---------------------------------------------------------------------------
def binds_name(tree: ast.AST) -> bool:
    """Whether the module is imported under its own name."""
    return any(
        is_of(alias.name) and alias.asname is None
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    )


def _in_expressions(lines: list[str], tree: ast.AST) -> Iterator[Spot]:
    is_bound = binds_name(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == BEFORE and is_bound:
            yield _spot(lines, node)
        elif isinstance(node, ast.Call) and _is_logger(node):
            (name,) = node.args
            line, column = _spot(lines, name)
            # Behind the quotes, and whatever stands before them.
            opening = re.match(r"[A-Za-z]*(?:\"\"\"|'''|\"|')", lines[line - 1][column:])
            if opening and lines[line - 1].startswith(BEFORE, column + opening.end()):
                yield line, column + opening.end()


def _is_logger(node: ast.Call) -> bool:
    """``getLogger("pynetdicom")``, the one string that is a name of the module and nothing else."""
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name != "getLogger" or len(node.args) != 1 or node.keywords:
        return False
    return isinstance(node.args[0], ast.Constant) and node.args[0].value == BEFORE


def _spot(lines: list[str], node: ast.expr) -> Spot:
    """Where a node begins: the tree counts the bytes of UTF-8."""
    before = lines[node.lineno - 1].encode("utf-8")[: node.col_offset]
    return node.lineno, len(before.decode("utf-8"))
