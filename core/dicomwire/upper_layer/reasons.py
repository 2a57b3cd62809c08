"""Who rejects and aborts associations, and why: the codes of PS3.8 9.3.4 and 9.3.8, with their words."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

NO_VALUE = "(no value available)"


class Code(IntEnum):
    """A number of one octet on the wire, and what it means; shown as the number, which is what peers send."""

    words: str

    def __new__(cls, value: int, words: str) -> Self:
        code = int.__new__(cls, value)
        code._value_ = value
        code.words = words
        return code

    __repr__ = int.__repr__

    @classmethod
    def words_of(cls, value: int | None) -> str:
        """What ``value`` means; peers send values, too, that the standard does not define."""
        return _WORDS.get((cls, value), NO_VALUE)


class RejectResult(Code):
    """Whether the same request may succeed later (PS3.8 table 9-21)."""

    PERMANENT = 1, "Rejected Permanent"
    TRANSIENT = 2, "Rejected Transient"


class RejectSource(Code):
    """Who rejects an association (PS3.8 table 9-21)."""

    USER = 1, "Service User"
    ACSE = 2, "Service Provider (ACSE)"
    PRESENTATION = 3, "Service Provider (Presentation)"


class UserDiagnostic(Code):
    """Why, if it is ``RejectSource.USER``."""

    NO_REASON = 1, "No reason given"
    APPLICATION_CONTEXT_NAME = 2, "Application context name not supported"
    CALLING_AE_TITLE = 3, "Calling AE title not recognised"
    CALLED_AE_TITLE = 7, "Called AE title not recognised"


class ACSEDiagnostic(Code):
    """Why, if it is ``RejectSource.ACSE``."""

    NO_REASON = 1, "No reason given"
    PROTOCOL_VERSION = 2, "Protocol version not supported"


class PresentationDiagnostic(Code):
    """Why, if it is ``RejectSource.PRESENTATION``."""

    TEMPORARY_CONGESTION = 1, "Temporary congestion"
    LOCAL_LIMIT_EXCEEDED = 2, "Local limit exceeded"


DIAGNOSTICS: dict[int, type[Code]] = {
    RejectSource.USER: UserDiagnostic,
    RejectSource.ACSE: ACSEDiagnostic,
    RejectSource.PRESENTATION: PresentationDiagnostic,
}
"""The meaning of a diagnostic depends on who rejects (PS3.8 table 9-21)."""


def diagnostic_words(source: int | None, diagnostic: int | None) -> str:
    """What the diagnostic of a rejection by ``source`` means."""
    kind = DIAGNOSTICS.get(source) if source is not None else None
    return NO_VALUE if kind is None else kind.words_of(diagnostic)


class AbortSource(Code):
    """Who aborts (PS3.8 table 9-26)."""

    USER = 0, "Service User"
    PROVIDER = 2, "Service Provider"


class AbortReason(Code):
    """Why the service provider aborts (PS3.8 table 9-26); a user says nothing about it."""

    NO_REASON = 0, "No reason given"
    UNRECOGNIZED_PDU = 1, "Unrecognised PDU"
    UNEXPECTED_PDU = 2, "Unexpected PDU"
    UNRECOGNIZED_PARAMETER = 4, "Unrecognised PDU parameter"
    UNEXPECTED_PARAMETER = 5, "Unexpected PDU parameter"
    INVALID_PARAMETER = 6, "Invalid PDU parameter value"


_CODES: tuple[type[Code], ...] = (RejectResult, RejectSource, *DIAGNOSTICS.values(), AbortSource, AbortReason)
_WORDS: dict[tuple[type[Code], int | None], str] = {(kind, code): code.words for kind in _CODES for code in kind}
