"""Which pages are made of the code, and what makes each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.generated import shipped_statement, state_diagram, state_page

ROOT = Path(__file__).parents[2]

PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/state-table.md": state_page.page,
    "docs/images/states.svg": state_diagram.picture,
    "docs/reference/conformance.md": shipped_statement.page,
}
"""By their path."""
