"""Which pages are made of the code, and what makes each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from dicomwire.__main__ import APPLICATIONS
from tests.generated import application_pages, faces_page, shipped_statement, state_diagram, state_page

ROOT = Path(__file__).parents[2]

PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/state-table.md": state_page.page,
    "docs/images/states.svg": state_diagram.picture,
    "docs/reference/conformance.md": shipped_statement.page,
    "docs/reference/faces.md": faces_page.page,
    "docs/reference/applications.md": application_pages.overview,
    **{f"docs/reference/applications/{name}.md": partial(application_pages.page, name) for name in APPLICATIONS},
}
"""By their path."""
