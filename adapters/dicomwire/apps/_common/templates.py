"""Texts that values are filled into: keywords of elements in braces, such as ``{PatientID}``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from string import Formatter
from typing import TypeAlias

from attrs import frozen

_NO_TEXT = frozenset(("SQ", "OB", "OW", "OB or OW", "OF", "OD", "OL", "OV", "UN"))

Part: TypeAlias = tuple[str, str | None]
"""Text, and the keyword whose value comes behind it."""


@frozen
class Template:
    """Text with keywords in it; braces of the text itself are doubled."""

    parts: Sequence[Part]

    @classmethod
    def parse(cls, text: str, names: Collection[str] = ()) -> Template:
        """What ``text`` says; ``names`` are allowed beside keywords of elements.

        Raises:
            ValueError: a brace is missing, or what is in braces is no keyword.
        """
        try:
            found = list(Formatter().parse(text))
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}") from None
        for _, keyword, spec, conversion in found:
            if keyword is not None and (spec or conversion or not (keyword in names or _is_keyword(keyword))):
                also = f", nor one of {', '.join(sorted(names))}" if names else ""
                raise ValueError(f"{text!r}: {{{keyword}}} is no keyword of an element{also}")
        return cls(tuple((literal, keyword) for literal, keyword, _, _ in found))

    @property
    def keywords(self) -> list[str]:
        """Those that it has."""
        return [keyword for _, keyword in self.parts if keyword is not None]

    def filled(self, value: Callable[[str], str]) -> str:
        """The text with what ``value`` gives for each keyword."""
        return "".join(literal + (value(keyword) if keyword is not None else "") for literal, keyword in self.parts)


def _is_keyword(keyword: str) -> bool:
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    tag = tag_for_keyword(keyword)
    return tag is not None and dictionary_VR(tag) not in _NO_TEXT
