"""The house rules: what may import what, and what a fresh interpreter loads."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import dicomwire

ROOT = Path(__file__).parents[1]
CORE, ADAPTERS = ROOT / "core" / "dicomwire", ROOT / "adapters" / "dicomwire"

CORE_FILES = sorted(CORE.rglob("*.py"))
WIRE_FILES = [
    *sorted((CORE / "upper_layer").rglob("*.py")),
    *sorted((CORE / "dimse").rglob("*.py")),
    CORE / "errors.py",
]

WAITING = {"socket", "select", "selectors", "ssl", "threading", "asyncio", "trio", "time", "subprocess"}
"""What opens a socket, starts a thread, waits, reads a clock or is an event loop."""

ABOVE = (
    "associations", "compat", "data", "operations", "retrieval", "services",
    "events", "negotiation", "presentation", "sinks",
)  # fmt: skip
"""Packages and modules that know of what the wire tier does not."""

TOUCHING = WAITING | {
    "pydicom", "os", "io", "pathlib", "tempfile", "shutil", "mmap", "logging", "warnings", "random", "datetime",
}  # fmt: skip
"""What touches the world beside: files, logs, the date, chance."""

ADAPTER_MODULES = {
    ".".join(("dicomwire", *path.relative_to(ADAPTERS).with_suffix("").parts)).removesuffix(".__init__")
    for path in ADAPTERS.rglob("*.py")
}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path, *, types: bool = True) -> Iterator[str]:
    """The modules a file imports, at any depth; without ``types``, not those for type checkers only."""
    yield from _imports(ast.parse(path.read_text("utf-8")), types=types)


def _imports(node: ast.AST, *, types: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            # But for the package's own modules, which pyright knows to be its attributes in no other way.
            assert child.level == 0 or child.module is None, "imports are absolute"
            module = child.module or "dicomwire"
            yield module
            yield from (f"{module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING" and not types:
            yield from (name for branch in child.orelse for name in _imports(branch, types=types))
        else:
            yield from _imports(child, types=types)


def roots(names: Iterator[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", CORE_FILES, ids=named)
def test_the_core_opens_no_socket_and_waits_for_nothing(path: Path) -> None:
    assert not roots(imports(path)) & WAITING


@pytest.mark.parametrize("path", CORE_FILES, ids=named)
def test_the_core_sleeps_not_and_reads_no_clock(path: Path) -> None:
    calls = {
        ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    }
    assert not {name for name in calls if name.rpartition(".")[2] in ("sleep", "now", "utcnow", "today", "monotonic")}


@pytest.mark.parametrize("path", WIRE_FILES, ids=named)
def test_the_wire_tier_does_no_io_at_all(path: Path) -> None:
    assert not roots(imports(path)) & TOUCHING


@pytest.mark.parametrize("path", WIRE_FILES, ids=named)
def test_the_wire_tier_imports_the_standard_library_attrs_and_itself(path: Path) -> None:
    assert roots(imports(path)) <= {*sys.stdlib_module_names, "attrs", "dicomwire"}


@pytest.mark.parametrize("path", CORE_FILES, ids=named)
def test_core_imports_no_adapter(path: Path) -> None:
    names = set(imports(path, types=path != CORE / "__init__.py"))
    assert not names & ADAPTER_MODULES


@pytest.mark.parametrize(
    ("layer", "above"),
    [
        ("upper_layer", ("dimse", *ABOVE)),
        ("dimse", ABOVE),
    ],
)
def test_a_layer_does_not_import_what_is_above_it(layer: str, above: tuple[str, ...]) -> None:
    for path in (CORE / layer).rglob("*.py"):
        for name in imports(path):
            assert not name.startswith(tuple(f"dicomwire.{module}" for module in above)), f"{named(path)}: {name}"


def test_services_and_operations_know_no_association() -> None:
    for folder in ("services", "operations"):
        for path in (CORE / folder).rglob("*.py"):
            assert "dicomwire.associations.association_base" not in set(imports(path)), named(path)


def test_errors_imports_nothing_of_the_package() -> None:
    assert "dicomwire" not in roots(imports(CORE / "errors.py"))


def test_the_two_source_roots_share_no_file_name() -> None:
    core = {path.relative_to(CORE) for path in CORE_FILES}
    adapters = {path.relative_to(ADAPTERS) for path in ADAPTERS.rglob("*.py")}
    assert not core & adapters
    # Nor a module beside a package of that name.
    stems = {path.with_suffix("") for path in core} & {path.with_suffix("") for path in adapters}
    folders = {path.parent for path in core} & {path.parent for path in adapters}
    assert not stems and folders == {Path()}


@pytest.mark.parametrize("path", sorted(ADAPTERS.rglob("*.py")), ids=named)
def test_a_file_of_an_adapter_is_short_and_what_others_import_has_no_underscore(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400
    here = path.relative_to(ADAPTERS).parts[0]
    others = {name for name in imports(path) if name.startswith("dicomwire.") and name.split(".")[1] != here}
    assert not {name for name in others & ADAPTER_MODULES if "._" in name}


def test_adapters_has_no_init_and_core_has_one() -> None:
    assert not (ADAPTERS / "__init__.py").exists()
    assert (CORE / "__init__.py").exists()


ECHO = """
from dicomwire import AE, VerificationPresentationContexts
ae = AE()
ae.supported_contexts = VerificationPresentationContexts
ae.add_requested_context("1.2.840.10008.1.1")
server = ae.start_server(("127.0.0.1", 0), block=False)
with ae.associate(*server.server_address) as association:
    status = association.send_c_echo()
    assert status and status.Status == 0x0000, status
    assert not isinstance(association.accepted_contexts[0].abstract_syntax, bytes)
ae.shutdown()
"""


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import dicomwire", WAITING - {"time", "threading", "subprocess"} | {"pydicom"}),
        ("from dicomwire import Connection, Session", WAITING - {"time", "threading", "subprocess"} | {"pydicom"}),
        ("import dicomwire.dimse, dicomwire.upper_layer, dicomwire.errors", {"pydicom", "socket", "asyncio", "trio"}),
        ("import dicomwire.memory", {"trio", "pydicom"}),
        ("from dicomwire import AE", {"asyncio", "trio", "pydicom", "numpy"}),
        ("import dicomwire.asyncio", {"trio", "pydicom", "numpy"}),
        ("import dicomwire.trio", {"pydicom", "numpy"}),
        (ECHO, {"asyncio", "trio", "pydicom", "numpy"}),
    ],
)
def test_a_fresh_interpreter_loads_no_more_than_it_needs(statement: str, unwanted: set[str]) -> None:
    script = f"import sys; before = set(sys.modules)\n{statement}\nprint(*sorted(set(sys.modules) - before))"
    # What else is there is the machine's, and systems need some of it to run a program at all.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(CORE.parent), str(ADAPTERS.parent)))}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert "dicomwire" in loaded
    assert not loaded & unwanted


def undocumented(node: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[str]:
    """Public functions, methods and classes without a docstring; properties may be explained by their names."""
    for child in node.body:
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or child.name.startswith("_"):
            continue
        marks = {ast.unparse(mark).rpartition(".")[2] for mark in child.decorator_list}
        if ast.get_docstring(child) is None and not marks & {"property", "setter", "deleter", "overload"}:
            yield prefix + child.name
        if isinstance(child, ast.ClassDef):
            yield from undocumented(child, f"{prefix}{child.name}.")


@pytest.mark.parametrize("path", [*CORE_FILES, *sorted(ADAPTERS.rglob("*.py"))], ids=named)
def test_every_public_function_and_method_has_a_docstring(path: Path) -> None:
    assert not [*undocumented(ast.parse(path.read_text("utf-8")))]


@pytest.mark.parametrize("name", dicomwire.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(dicomwire, name) is not None
    assert name in dir(dicomwire)


def test_public_names_are_unique_and_an_unknown_one_is_an_attribute_error() -> None:
    assert len(set(dicomwire.__all__)) == len(dicomwire.__all__)
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = dicomwire.Nonsense  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("name", [name for name in dicomwire.__all__ if name.endswith("PresentationContexts")])
def test_ready_made_context_lists_are_fresh_at_each_access(name: str) -> None:
    first, second = getattr(dicomwire, name), getattr(dicomwire, name)
    assert isinstance(first, list)
    assert first == second and first is not second
    assert all(one is not other for one, other in zip(first, second, strict=True))
    first[0].transfer_syntax.clear()
    first.clear()
    assert getattr(dicomwire, name) == second


def test_the_documented_homes_hold_the_documented_names() -> None:
    from dicomwire.ae import AE, ApplicationEntity
    from dicomwire.association import Association, ServiceUser

    assert AE is ApplicationEntity is dicomwire.AE
    assert Association is dicomwire.Association
    assert ServiceUser.__name__ == "ServiceUser"


BEGINNING = '"""The documented home of what is in :mod:'
HOMES = [
    path for root in (CORE, ADAPTERS) for path in root.glob("*.py") if path.read_text("utf-8").startswith(BEGINNING)
]


@pytest.mark.parametrize("path", HOMES, ids=named)
def test_what_is_documented_elsewhere_is_the_same_module(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 11
    home = text.partition(":mod:`")[2].partition("`")[0]
    assert import_module(f"dicomwire.{path.stem}") is import_module(home)


IN_THE_FILE_SYSTEM = {
    "open", "link", "symlink", "rename", "replace", "unlink", "remove", "rmdir", "mkdir", "makedirs", "mkstemp",
}  # fmt: skip
"""Of ``os`` and ``tempfile``: what opens, makes, renames and removes files."""

OF_A_PATH = {"unlink", "rmdir", "mkdir", "touch", "read_bytes", "read_text", "write_bytes", "write_text"}
"""The same of ``pathlib``; its ``open`` and ``rename`` are words of others, too."""


def file_calls(tree: ast.AST) -> set[str]:
    """What opens, makes, renames or removes files."""
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        ast.unparse(call)
        for call in calls
        if (isinstance(call, ast.Name) and call.id == "open")
        or (isinstance(call, ast.Attribute) and _is_of_files(call.attr, ast.unparse(call.value)))
    }


def _is_of_files(name: str, owner: str) -> bool:
    if owner in ("os", "tempfile", "io"):
        return name in IN_THE_FILE_SYSTEM
    return name in OF_A_PATH or (name in ("open", "rename", "replace") and owner.endswith(("path", "Path()")))


@pytest.mark.parametrize("path", [path for path in CORE_FILES if path != CORE / "data" / "store.py"], ids=named)
def test_the_core_opens_renames_and_removes_files_in_one_module(path: Path) -> None:
    assert not file_calls(ast.parse(path.read_text("utf-8")))


@pytest.mark.parametrize(
    "code", ["open(x)", "os.open(x, 0)", "tempfile.mkstemp()", "self.path.read_bytes()", "path.open()", "x.unlink()"]
)
def test_what_opens_a_file_is_seen(code: str) -> None:
    assert file_calls(ast.parse(code))
