"""Hooks of MkDocs: pages from outside of docs/, and links that lead out of the site.

The pages are written to be read in the repository. There a link may lead to any file; on the site it leads to a page,
or is plain text.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "RELEASING.md": "releasing.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks/about.md",
    "benchmarks/results/results.md": "benchmarks/results.md",
    "benchmarks/results/results.svg": "benchmarks/results.svg",
}
"""Files of the repository that are pages or pictures of the site, and what they are called there."""


def _requests() -> Iterator[str]:
    """The classes of requests, with what some have from a base that is on no page."""
    inherited = {
        "StoreRequest": "dataset, file_meta, sop_instance_uid, transfer_syntax_uid, path, encoded, save",
        **dict.fromkeys(("FindRequest", "GetRequest", "MoveRequest"), "identifier, level"),
    }
    of_instances = ["Managed", "Create", "Set", "GetAttributes", "Action", "Delete"]
    names = [f"{kind}Request" for kind in ("Service", "Echo", "Store", "Find", "Get", "Move", *of_instances)]
    for name in (*names, "EventReport"):
        options = f"\n    options:\n      inherited_members: [{inherited[name]}]" if name in inherited else ""
        yield f"dicomwire.providing.typed_requests.{name}{options}"


REFERENCE = {
    "reference/python/clients.md": (
        "Clients",
        (
            "dicomwire.blocking.client.connect",
            "dicomwire.sockets.connect_options.ConnectOptions",
            "dicomwire.client.opening_client.ProposedOptions",
            "dicomwire.client.storing.echo",
            "dicomwire.client.storing.store",
            "dicomwire.client.storing.store_many",
            "dicomwire.client.storing.Stored",
            "dicomwire.client.finding.find",
            "dicomwire.client.finding.find_pages",
            "dicomwire.client.finding.worklist",
            "dicomwire.client.queries.Query",
            "dicomwire.client.arriving.get",
            "dicomwire.client.received_instance.ReceivedInstance",
            "dicomwire.client.retrieving.get_into",
            "dicomwire.client.retrieving.move",
            "dicomwire.client.retrieving.move_into",
            "dicomwire.retrieval.Retrieved",
            "dicomwire.client.managing.create",
            "dicomwire.client.managing.set_attributes",
            "dicomwire.client.managing.get_attributes",
            "dicomwire.client.managing.action",
            "dicomwire.client.managing.delete",
            "dicomwire.client.managing.report_event",
            "dicomwire.client.managing.Reply",
            "dicomwire.client.failures",
            "dicomwire.vocabulary.typed_status",
        ),
    ),
    "reference/python/services.md": (
        "Services",
        (
            "dicomwire.blocking.providing_server.serve",
            "dicomwire.sockets.listen_options.ServeOptions",
            "dicomwire.providing.serve_options.ServedOptions",
            "dicomwire.providing.service.Service",
            *_requests(),
            "dicomwire.providing.answering.MoveTo",
        ),
    ),
    "reference/python/entities.md": (
        "Application entities",
        (
            "dicomwire.associations.entity_base.ApplicationEntityBase",
            "dicomwire.associations.allowed",
            "dicomwire.upper_layer.limits",
        ),
    ),
    "reference/python/associations.md": (
        "Associations",
        ("dicomwire.associations.association_base.AssociationBase", "dicomwire.associations.async_association"),
    ),
    "reference/python/events.md": ("Events", ("dicomwire.associations.events", "dicomwire.associations.event_kinds")),
    "reference/python/upper-layer.md": ("Upper layer", ("dicomwire.upper_layer",)),
    "reference/python/dimse.md": ("DIMSE messages", ("dicomwire.dimse",)),
    "reference/python/data-sets.md": (
        "Data sets and files",
        ("dicomwire.sinks", "dicomwire.sources", "dicomwire.files", "dicomwire.retrieval"),
    ),
    "reference/python/pools.md": (
        "Pools and archives",
        (
            "dicomwire.pooling.archive_verbs",
            "dicomwire.pooling.archive_storing.store",
            "dicomwire.pooling.lent_client",
            "dicomwire.pooling.lent_matches",
        ),
    ),
    "reference/python/statuses.md": ("Statuses", ("dicomwire.status",)),
    "reference/python/memory.md": ("Networks in memory", ("dicomwire.memory.network",)),
    "reference/python/tools.md": ("Traces and conformance", ("dicomwire.traces", "dicomwire.conformance")),
}
"""Pages that the site alone has, made of docstrings: title, and what is on each.

Of the core, mostly: the verbs of the adapters are those of these classes."""

INTRODUCTIONS = {
    "reference/python/clients.md": (
        "`connect` is there in each adapter, and gives a client. The functions below are its methods, under these "
        "names but for `set_attributes`, which is `set`: they block in `dicomwire`, and are awaited, or iterated with "
        "`async for`, in the others."
    ),
    "reference/python/services.md": "`serve` is there in each adapter; handlers are the same.",
}
"""What stands in front of some of them."""

_INSIDE = {place: path for path, place in OUTSIDE.items()}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```")
_ROLE = re.compile(r":(?:attr|class|exc|func|meth|mod):(?=<code>)")


def on_config(config: Any) -> Any:
    """Where docstrings are found: the halves of the package, in two roots, put together as a wheel has them."""
    folder = tempfile.mkdtemp(prefix="dicomwire-site-")
    config["extra"]["merged_package"] = folder
    for half in ("core", "adapters"):
        shutil.copytree(
            ROOT / half / "dicomwire",
            Path(folder, "dicomwire"),
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    config["plugins"]["mkdocstrings"].config["handlers"]["python"]["paths"] = [folder]
    return config


# Before mkdocstrings looks at what it is given.
on_config.mkdocs_priority = 100  # type: ignore[attr-defined]


def on_post_build(config: Any) -> None:
    """The package that was put together is not needed any more."""
    shutil.rmtree(config["extra"]["merged_package"], ignore_errors=True)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Docstrings as they are for everybody: the roles of Sphinx are no words."""
    return _ROLE.sub("", html)


def on_files(files: Any, config: Any) -> Any:
    """The pages from outside."""
    from mkdocs.structure.files import File

    for path, place in OUTSIDE.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    for place, (title, names) in REFERENCE.items():
        introduction = [INTRODUCTIONS[place]] if place in INTRODUCTIONS else []
        content = "\n\n".join([f"# {title}", *introduction, *(f"::: {name}" for name in names)])
        files.append(File.generated(config, place, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """The links of a page, as the site has their goals."""
    source = _INSIDE.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    return relinked(markdown, source, page.file.src_uri)


def relinked(markdown: str, source: str, place: str) -> str:
    """A document of the repository, at ``source``, as the page at ``place`` of the site."""
    lines, is_code = [], False
    for line in markdown.split("\n"):
        if _FENCE.match(line):
            is_code = not is_code
        lines.append(line if is_code else _LINK.sub(lambda link: _relinked(link, source, place), line))
    return "\n".join(lines)


def _relinked(link: re.Match[str], source: str, place: str) -> str:
    mark, text, target = link.groups()
    path, hash_mark, anchor = target.partition("#")
    if not path or ":" in path:
        return link[0]
    goal = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if goal.startswith("docs/"):
        there = goal.removeprefix("docs/")
    elif goal in OUTSIDE:
        there = OUTSIDE[goal]
    else:
        return text
    return f"{mark}[{text}]({posixpath.relpath(there, posixpath.dirname(place) or '.')}{hash_mark}{anchor})"
