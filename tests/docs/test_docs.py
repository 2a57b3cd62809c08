"""The documents say what is true: their code runs, their links lead somewhere, and their lists are complete."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import get_args, get_type_hints
from xml.etree import ElementTree

import pytest
from attrs import fields, frozen

from dicomwire import Limits, Timeouts, events
from dicomwire.__main__ import APPLICATIONS, main
from dicomwire.associations.channel import Channel, Turns
from dicomwire.blocking import Transport

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]

CONTINUES = "continues"
"""Says what holds anyway, for readers of the source: a block sees the names of those before it in its document."""

OWN_PROCESS = "own process"
"""The block is a program of its own: it changes what cannot be changed back, such as the log."""

PRINTS = "prints"
"""The ``text`` block is exactly what the Python block before it prints."""

LANGUAGES = {"python", "sh", "text", "toml"}
MARKERS = {CONTINUES: {"python"}, OWN_PROCESS: {"python"}, PRINTS: {"text"}}

PUBLIC_MODULES = (
    "dicomwire",
    "dicomwire.ae",
    "dicomwire.association",
    "dicomwire.asyncio",
    "dicomwire.asyncio_carriers",
    "dicomwire.carriers",
    "dicomwire.conformance",
    "dicomwire.dimse",
    "dicomwire.observing",
    "dicomwire.opentelemetry",
    "dicomwire.pdu_items",
    "dicomwire.prometheus",
    "dicomwire.transport",
    "dicomwire.trio",
    "dicomwire.trio_carriers",
    "dicomwire.upper_layer",
)
"""Those that say with ``__all__`` what programs may use."""


@frozen
class Block:
    """A fenced block of a document."""

    language: str
    marker: str
    line: int
    """Of its first line of code."""

    code: str


_FENCE = re.compile(r"^( *)```(.*)$")
_MARKER = re.compile(r"^<!-- ([a-z ]+) -->$")


def blocks(text: str) -> Iterator[Block]:
    """Every fenced block; a comment in the line above is its marker."""
    lines = text.splitlines()
    opened: tuple[int, str, str] | None = None
    for number, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if opened is None:
            marked = _MARKER.match(lines[number - 1]) if number else None
            opened = number + 1, fence[2].strip(), marked[1] if marked else ""
        else:
            start, language, marker = opened
            yield Block(language, marker, start + 1, "\n".join(lines[start:number]) + "\n")
            opened = None
    assert opened is None, f"the block in line {opened} does not end"


def blocks_of(path: Path) -> list[Block]:
    return list(blocks(path.read_text(encoding="utf-8")))


def prose(text: str) -> str:
    """The document without its blocks and code spans."""
    kept, inside = [], False
    for line in text.splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return re.sub(r"`[^`\n]+`", "", "\n".join(kept))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What examples write goes to a directory that nobody needs."""
    monkeypatch.chdir(tmp_path)


def run_here(block: Block, path: Path, namespace: dict[str, object]) -> str:
    """Run a block in ``namespace``; what it printed.  A traceback names the line of the document."""
    printed = io.StringIO()
    code = compile("\n" * (block.line - 1) + block.code, str(path), "exec", dont_inherit=True)
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)
    return printed.getvalue()


def run_apart(block: Block) -> str:
    """Run a block in a process of its own; what it printed."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", block.code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_every_python_block_runs(name: str) -> None:
    path = ROOT / name
    namespace: dict[str, object] = {"__name__": "__main__"}
    printed = ""
    for block in blocks_of(path):
        if block.language == "python":
            printed = run_apart(block) if block.marker == OWN_PROCESS else run_here(block, path, namespace)
        elif block.marker == PRINTS:
            assert block.code == printed, f"{name}, line {block.line}: this is not what is printed"


@pytest.mark.parametrize("name", NAMES)
def test_no_block_is_of_a_kind_that_nobody_checks(name: str) -> None:
    for block in blocks_of(ROOT / name):
        assert block.language in LANGUAGES, f"{name}, line {block.line}: language {block.language!r}"
        if block.marker:
            assert block.language in MARKERS[block.marker], f"{name}, line {block.line}: {block.marker!r}"


# -- shell ---------------------------------------------------------------------------------------------------------
def commands(code: str) -> Iterator[list[str]]:
    """The commands of a shell block, as lists of words."""
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        ends = [-1, *(index for index, word in enumerate(words) if word in ("&&", "&", "|")), len(words)]
        for start, end in pairwise(ends):
            if words[start + 1 : end]:
                yield words[start + 1 : end]


def check_application(words: list[str], help_of: dict[str, str]) -> None:
    """``dicomwire`` with these words is a call that exists, as far as its help tells."""
    name = words[0]
    assert name in APPLICATIONS, f"there is no application {name!r}"
    if "Commands:" in _help(help_of, name) and len(words) > 1:
        name = f"{name} {words[1]}"
    _help(help_of, name)
    known = set(re.findall(r"(?<![\w-])--?[a-zA-Z0-9][\w-]*", help_of[name]))
    options = words[1:]
    if name == "conformance":
        # What follows an application's name are its own words.
        at = next((at for at, word in enumerate(words) if at and word in APPLICATIONS), len(words))
        options = words[1:at]
        if words[at:]:
            check_application(words[at:], help_of)
    for word in options:
        if word.startswith("-") and word != "-":
            assert word in known, f"dicomwire {name} has no option {word}"


def _help(help_of: dict[str, str], name: str) -> str:
    """That of an application, or of one of its commands."""
    if name not in help_of:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            assert main([*name.split(), "--help"]) == 0
        help_of[name] = printed.getvalue()
    return help_of[name]


def check_install(words: list[str]) -> None:
    """The extras that are to be installed exist."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for word in words:
        if found := re.fullmatch(r"(?:\.|dicomwire)\[([\w,]+)\]", word):
            assert set(found[1].split(",")) <= set(project["optional-dependencies"])


def test_shell_blocks_name_options_that_exist() -> None:
    help_of: dict[str, str] = {}
    for path in DOCUMENTS:
        for block in blocks_of(path):
            if block.language != "sh":
                continue
            for words in commands(block.code):
                program = words[0].removeprefix(".venv/bin/")
                if program == "dicomwire":
                    check_application(words[1:], help_of)
                elif program == "pip":
                    check_install(words)
                else:
                    assert program in ("python3", "pytest", "openssl", "find", "git"), (
                        f"{path.name}, line {block.line}: {program}"
                    )
    assert help_of.keys() >= {"demo", "storescp", "storescu"}


# -- links and paths -----------------------------------------------------------------------------------------------
def anchors(text: str) -> set[str]:
    """What the headings of a document are called in links."""
    found = set()
    for heading in re.findall(r"^#+ +(.+)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


def links(text: str) -> Iterator[str]:
    plain = prose(text)
    yield from re.findall(r"\]\(([^)\s]+)\)", plain)
    yield from re.findall(r"""(?:src|srcset|href)=["']([^"']+)["']""", plain)


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    path = ROOT / name
    for link in links(path.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        goal = (path.parent / target).resolve() if target else path
        assert goal.is_relative_to(ROOT) and goal.exists(), f"{name}: {link}"
        if anchor:
            assert anchor in anchors(goal.read_text(encoding="utf-8")), f"{name}: {link}"


def test_every_document_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.suffix != ".md":
            continue
        seen.add(path)
        targets = (link.partition("#")[0] for link in links(path.read_text(encoding="utf-8")))
        waiting += [(path.parent / target).resolve() for target in targets if target and "://" not in target]
    assert set(DOCUMENTS) <= seen


_MACHINE = re.compile(r"/(?:work|home|root|Users|opt|tmp|var|usr)/\w|[A-Z]:\\\\?\w|pypi\.|pythonhosted")


@pytest.mark.parametrize("name", NAMES)
def test_no_document_names_a_machine(name: str) -> None:
    found = _MACHINE.search((ROOT / name).read_text(encoding="utf-8"))
    assert found is None, f"{name}: {found[0] if found else ''}"


def test_pictures_are_well_formed() -> None:
    pictures = sorted((ROOT / "docs").rglob("*.svg"))
    assert pictures
    for picture in pictures:
        assert ElementTree.parse(picture).getroot().tag.endswith("svg")


# -- reference -----------------------------------------------------------------------------------------------------
def spans(path: Path) -> set[str]:
    """The names that a document has as code, alone or in front of brackets."""
    return {span.partition("(")[0] for span in re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    missing = set(import_module(module).__all__) - spans(ROOT / "docs/reference/api.md")
    assert not missing, f"{module}: {sorted(missing)}"


def test_every_verb_and_keyword_of_the_own_face_is_in_the_reference() -> None:
    known = spans(ROOT / "docs/reference/api.md")
    for adapter in map(import_module, map("dicomwire.{}".format, adapters())):
        verbs = set(dir(adapter.Client)) - set(dir(adapter.Association)) - {"__doc__"}
        keywords = {name for each in (adapter.connect, adapter.serve) for name in keywords_of(each)}
        assert not {name for name in verbs | keywords if not name.startswith("_")} - known, adapter.__name__


def keywords_of(function: Callable[..., object]) -> Iterable[str]:
    """Those of the ``TypedDict`` that its ``**options`` are."""
    names: dict[str, object] = get_args(get_type_hints(function)["options"])[0].__annotations__
    return names


def test_every_event_is_in_the_reference() -> None:
    defined = {name for name in vars(events) if name.startswith("EVT_")}
    assert not defined - spans(ROOT / "docs/reference/api.md")


def test_every_limit_and_timeout_is_in_the_reference_with_its_value() -> None:
    text = (ROOT / "docs/reference/limits-and-timeouts.md").read_text(encoding="utf-8")
    for values in (Limits(), Timeouts()):
        for name in (field.name for field in fields(type(values))):
            row = re.search(rf"^\| `{name}` \| ([^|]+) \|", text, re.MULTILINE)
            assert row is not None, name
            value: int | float | None = getattr(values, name)
            shown = {None: "none", False: "no", True: "yes"}.get(value if isinstance(value, bool) else None)
            if value is not None and not isinstance(value, bool):
                shown = f"{value:,}" if isinstance(value, int) else f"{value:g}"
            assert row[1].split()[0] == shown, f"{name}: {shown}"


def adapters() -> list[str]:
    """The modules that have an AE of their own."""
    folder = ROOT / "adapters/dicomwire"
    return sorted(path.parent.name for path in folder.glob("*/entity.py"))


def test_the_features_table_has_every_adapter() -> None:
    text = (ROOT / "docs/reference/features.md").read_text(encoding="utf-8")
    assert {"asyncio", "blocking", "memory", "trio"} <= set(adapters())
    tables = [line for line in text.splitlines() if line.startswith("| Area |")]
    assert tables
    for adapter in adapters():
        assert re.search(rf"^\| `dicomwire\.{adapter}` \|", text, re.MULTILINE), adapter
        assert all(f"| {adapter} |" in line for line in tables), adapter


def test_the_way_through_the_layers_can_be_followed_in_the_tree() -> None:
    text = (ROOT / "docs/explanation/layers.md").read_text(encoding="utf-8")
    steps = re.findall(r"^\| `([^`]+\.py)` \| ([^|]+) \|", text, re.MULTILINE)
    assert len(steps) > 20
    for path, functions in steps:
        source = (ROOT / path).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", functions):
            assert re.search(rf"\bdef {name}\(|^{name}\b", source, re.MULTILINE), f"{name} is not in {path}"
    for path in re.findall(r"`((?:core|adapters)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), path


def verbs(protocol: type) -> list[str]:
    return [name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")]


def test_the_guide_to_transports_has_every_verb_of_a_transport_and_of_a_channel() -> None:
    text = (ROOT / "docs/how-to/write-a-transport.md").read_text(encoding="utf-8")
    for verb in (*verbs(Transport), *verbs(Channel), *verbs(Turns)):
        assert re.search(rf"^\| `(?:async )?{verb}\(", text, re.MULTILINE), f"the tables lack {verb}"
    for verb in verbs(Transport):
        assert re.search(rf"^    def {verb}\(", text, re.MULTILINE), f"the example lacks {verb}"


def test_a_transport_is_written_in_less_than_60_lines_without_private_names() -> None:
    block = next(block for block in blocks_of(ROOT / "docs/how-to/write-a-transport.md") if "class Pipes" in block.code)
    assert len(block.code.splitlines()) < 60
    assert not re.findall(r"\b_(?!_|,| )\w+", block.code.replace("__init__", ""))


def test_the_package_says_which_versions_of_python_it_is_tested_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    said = re.findall(r"Python :: (3\.\d+)$", "\n".join(project["classifiers"]), re.MULTILINE)
    page = (ROOT / "docs/reference/supported.md").read_text("utf-8")
    tested = re.findall(r"^\| CPython (3\.\d+) \| yes \| (?!not yet)", page, re.MULTILINE)
    assert said == tested
    assert project["requires-python"] == f">={said[0]}"


def test_ruff_has_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (pinned,) = (item for item in project["optional-dependencies"]["dev"] if item.startswith("ruff"))
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    assert re.findall(r"rev: v(\S+)", hooks) == [pinned.removeprefix("ruff==")]


def test_the_headings_of_the_changelog_are_those_of_the_form_it_names() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]" and len(versions) > 1
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", version) for version in versions[1:])
    kinds = set(re.findall(r"^###+ (.*)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_decision_has_its_date() -> None:
    text = (ROOT / "docs" / "explanation" / "decisions.md").read_text("utf-8")
    sections = text.split("\n## ")[1:]
    undated = [
        section.partition("\n")[0]
        for section in sections
        if not re.match(r".*\n\n\*\d{1,2} [A-Z][a-z]+ \d{4}\.?\*", section)
    ]
    assert undated == []
