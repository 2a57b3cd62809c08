"""What a conformance statement is made of, whatever it is written as: sections, paragraphs, tables."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen


@frozen
class Paragraph:
    """Plain text."""

    text: str


@frozen
class Table:
    """Rows of plain text under the heads of their columns."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@frozen
class Section:
    """A heading, and what stands below it."""

    title: str
    parts: tuple[Paragraph | Table | Section, ...]


Part: TypeAlias = Paragraph | Table | Section
"""Of a section."""


@frozen
class Statement:
    """A whole document."""

    title: str
    parts: tuple[Part, ...]

    def sections(self) -> list[str]:
        """The titles of all sections, with their numbers, in the order of the document."""
        return [f"{number} {section.title}" for number, section in numbered(self.parts)]


def numbered(parts: tuple[Part, ...], above: str = "") -> list[tuple[str, Section]]:
    """All sections below, each with its number, as ``4.2.1``."""
    found: list[tuple[str, Section]] = []
    for count, section in enumerate((part for part in parts if isinstance(part, Section)), 1):
        number = f"{above}.{count}" if above else str(count)
        found += [(number, section), *numbered(section.parts, number)]
    return found
