"""Hooks of MkDocs: pages from outside of docs/, and links that lead out of the site.

The pages are written to be read in the repository. There a link may lead to any file; on the site it leads to a page,
or is plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks/about.md",
    "benchmarks/results/results.md": "benchmarks/results.md",
    "benchmarks/results/results.svg": "benchmarks/results.svg",
}
"""Files of the repository that are pages or pictures of the site, and what they are called there."""

REFERENCE = {
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
    "reference/python/events.md": ("Events", ("dicomwire.associations.events",)),
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
    "reference/python/tools.md": ("Traces and conformance", ("dicomwire.traces", "dicomwire.conformance")),
}
"""Pages that the site alone has, made of docstrings: title, and what is on each.

Of the core: the verbs of the adapters are those of these classes."""

_INSIDE = {place: path for path, place in OUTSIDE.items()}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```")


def on_files(files: Any, config: Any) -> Any:
    """The pages from outside."""
    from mkdocs.structure.files import File

    for path, place in OUTSIDE.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    for place, (title, names) in REFERENCE.items():
        content = "\n\n".join([f"# {title}", *(f"::: {name}" for name in names)])
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
