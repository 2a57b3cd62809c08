"""The documentation as a site: it builds without a warning, has every page, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.site.site_hooks import OUTSIDE, REFERENCE, relinked

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[a](../CHANGELOG.md#top)", "[a](changelog.md#top)"),
        ("[a](how-to/tls.md) and [b](#there)", "[a](how-to/tls.md) and [b](#there)"),
        ("[the tests](../tests/docs/)", "the tests"),
        ("[out](https://example.org/x)", "[out](https://example.org/x)"),
        ("```python\nx[0](../tests)\n```", "```python\nx[0](../tests)\n```"),
        ("![picture](images/states.svg)", "![picture](images/states.svg)"),
    ],
)
def test_links_lead_to_where_things_are_on_the_site(before: str, after: str) -> None:
    assert relinked(before, "docs/index.md", "index.md") == after


def test_links_of_pages_from_outside_lead_into_the_site() -> None:
    assert relinked("[a](docs/how-to/tls.md)", "CHANGELOG.md", "changelog.md") == "[a](how-to/tls.md)"
    there = relinked("[a](results/results.md)", "benchmarks/README.md", "benchmarks/about.md")
    assert there == "[a](results.md)"


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    listed = set(re.findall(r"^ +- .*?([\w/-]+\.md)$", text, re.MULTILINE))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert listed == pages | {place for place in OUTSIDE.values() if place.endswith(".md")} | REFERENCE.keys()


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="needs the extra docs")
def test_the_site_builds_without_a_warning_and_needs_nobody_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 40
    loaded = re.compile(r'<(?:script|img|source|iframe)[^>]* src="(?:https?:)?//|<link[^>]* href="(?:https?:)?//')
    assert not [page.name for page in pages if loaded.search(page.read_text("utf-8"))]
    services = (tmp_path / "site/reference/python/services.html").read_text("utf-8")
    assert "typed_requests.FindRequest.identifier" in services and ":meth:" not in services
    assert "client.connect" in (tmp_path / "site/reference/python/clients.html").read_text("utf-8")
    entities = (tmp_path / "site/reference/python/entities.html").read_text("utf-8")
    assert "maximum_half_open_per_address" in entities and "Limits" in entities
    assert "ARTIM" in (tmp_path / "site/search/search_index.json").read_text("utf-8")
