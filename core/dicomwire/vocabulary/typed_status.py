"""The status of a response as one value: its code, what kind of outcome that is, and what the peer says about it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Self

from dicomwire._logging import printable
from dicomwire.vocabulary.statuses import (
    GENERAL_STATUS,
    STATUS_CANCEL,
    STATUS_FAILURE,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNKNOWN,
    STATUS_WARNING,
    StatusTable,
    code_to_category,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


class StatusCategory(StrEnum):
    """What kind of outcome a status is (PS3.7 annex C)."""

    SUCCESS = STATUS_SUCCESS
    WARNING = STATUS_WARNING
    FAILURE = STATUS_FAILURE
    CANCEL = STATUS_CANCEL
    PENDING = STATUS_PENDING
    UNKNOWN = STATUS_UNKNOWN


class Status(int):
    """A status code (0000,0900), equal to the number, with what came beside it (PS3.7 annex C).

    Services may have any code, so this is no closed enumeration: those that many have are named here, and every other
    is made as ``Status(0xC123)``.  It is true where something was done, with or without a warning, or goes on: unlike
    the number, `SUCCESS` is true.  Handlers of requests give one back, as in
    ``Status.OUT_OF_RESOURCES.because("disk full")``.
    """

    SUCCESS: ClassVar[Status]
    COERCED: ClassVar[Status]
    ELEMENTS_DISCARDED: ClassVar[Status]
    STORED_THOUGH_MISMATCHED: ClassVar[Status]
    CANCEL: ClassVar[Status]
    PENDING: ClassVar[Status]
    NO_SUCH_ATTRIBUTE: ClassVar[Status]
    INVALID_ATTRIBUTE_VALUE: ClassVar[Status]
    PROCESSING_FAILURE: ClassVar[Status]
    DUPLICATE_INSTANCE: ClassVar[Status]
    NO_SUCH_INSTANCE: ClassVar[Status]
    NO_SUCH_CLASS: ClassVar[Status]
    MISSING_ATTRIBUTE: ClassVar[Status]
    MISSING_ATTRIBUTE_VALUE: ClassVar[Status]
    CLASS_NOT_SUPPORTED: ClassVar[Status]
    NO_SUCH_ACTION: ClassVar[Status]
    NOT_AUTHORISED: ClassVar[Status]
    RESOURCE_LIMITATION: ClassVar[Status]
    OUT_OF_RESOURCES: ClassVar[Status]
    MISMATCH: ClassVar[Status]
    CANNOT_UNDERSTAND: ClassVar[Status]
    MOVE_DESTINATION_UNKNOWN: ClassVar[Status]

    comment: str | None
    """(0000,0902) Error Comment."""

    offending_elements: tuple[int, ...]
    """(0000,0901) Offending Element: tags as numbers."""

    error_id: int | None
    """(0000,0903) Error ID."""

    meaning: str
    """What the code means in the service it is of; empty if that has no such code."""

    def __new__(
        cls,
        code: int,
        comment: str | None = None,
        *,
        offending_elements: Iterable[int] = (),
        error_id: int | None = None,
        table: StatusTable = GENERAL_STATUS,
    ) -> Self:
        """A status with that code; ``table`` has the codes of the service.

        Raises:
            ValueError: the code is not from 0 to 0xFFFF.
        """
        status = super().__new__(cls, code)
        if not 0 <= status <= 0xFFFF:
            raise ValueError(f"{code!r} is no status code: an integer from 0 to 0xFFFF")
        status.comment = comment
        status.offending_elements = tuple(offending_elements)
        status.error_id = error_id
        status.meaning = table.get(int(status), ("", ""))[1]
        return status

    @classmethod
    def of(cls, response: Dataset, table: StatusTable = GENERAL_STATUS) -> Status:
        """The status of a response: a data set with ``Status``, as the verbs of an association give it."""
        elements = response.get("OffendingElement")
        many = () if elements is None else (elements,) if isinstance(elements, int) else tuple(elements)
        comment = response.get("ErrorComment")
        if comment is not None and not isinstance(comment, str):
            comment = "\\".join(map(str, comment))
        return cls(
            int(response.Status),
            comment or None,
            offending_elements=map(int, many),
            error_id=response.get("ErrorID"),
            table=table,
        )

    def because(self, comment: str, *, offending_elements: Iterable[int] = (), error_id: int | None = None) -> Self:
        """The same status with what to say about it; of the comment 64 characters of ASCII are sent."""
        status = type(self)(int(self), comment, offending_elements=offending_elements, error_id=error_id)
        status.meaning = self.meaning
        return status

    @property
    def category(self) -> StatusCategory:
        """What kind of outcome it is."""
        return StatusCategory(code_to_category(int(self)))

    @property
    def is_success(self) -> bool:
        return self.category is StatusCategory.SUCCESS

    @property
    def is_warning(self) -> bool:
        return self.category is StatusCategory.WARNING

    @property
    def is_pending(self) -> bool:
        return self.category is StatusCategory.PENDING

    @property
    def is_cancel(self) -> bool:
        return self.category is StatusCategory.CANCEL

    @property
    def is_failure(self) -> bool:
        """It is a failure, or a code that no category has: nobody knows that anything was done."""
        return self.category in (StatusCategory.FAILURE, StatusCategory.UNKNOWN)

    def __bool__(self) -> bool:
        return self.category in (StatusCategory.SUCCESS, StatusCategory.WARNING, StatusCategory.PENDING)

    def explain(self) -> str:
        """In words: code, category and meaning, and what the peer says about it, as one line that is safe to print."""
        meaning = "" if self.meaning in ("", self.category) else f": {self.meaning}"
        text = f"0x{int(self):04X} ({self.category}{meaning})"
        if self.comment:
            text += f", {printable(self.comment)}"
        if self.offending_elements:
            named = ", ".join(f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in self.offending_elements[:8])
            text += f", about {named}"
        return text

    __str__ = explain

    def __repr__(self) -> str:
        return f"<Status {self.explain()}>"


_NAMED = {
    "SUCCESS": (0x0000, "Success"),
    "COERCED": (0xB000, "Coercion of data elements"),
    "ELEMENTS_DISCARDED": (0xB006, "Elements discarded"),
    "STORED_THOUGH_MISMATCHED": (0xB007, "Data set does not match SOP class, but was stored"),
    "CANCEL": (0xFE00, "Cancelled"),
    "PENDING": (0xFF00, ""),
    "NO_SUCH_ATTRIBUTE": (0x0105, "No such attribute"),
    "INVALID_ATTRIBUTE_VALUE": (0x0106, "Invalid attribute value"),
    "PROCESSING_FAILURE": (0x0110, "Processing failure"),
    "DUPLICATE_INSTANCE": (0x0111, "Duplicate SOP instance"),
    "NO_SUCH_INSTANCE": (0x0112, "No such SOP instance"),
    "NO_SUCH_CLASS": (0x0118, "No such SOP class"),
    "MISSING_ATTRIBUTE": (0x0120, "Missing attribute"),
    "MISSING_ATTRIBUTE_VALUE": (0x0121, "Missing attribute value"),
    "CLASS_NOT_SUPPORTED": (0x0122, "SOP class not supported"),
    "NO_SUCH_ACTION": (0x0123, "No such action type"),
    "NOT_AUTHORISED": (0x0124, "Not authorised"),
    "RESOURCE_LIMITATION": (0x0213, "Resource limitation"),
    "OUT_OF_RESOURCES": (0xA700, "Out of resources"),
    "MISMATCH": (0xA900, "Does not match SOP class"),
    "CANNOT_UNDERSTAND": (0xC000, "Cannot understand"),
    "MOVE_DESTINATION_UNKNOWN": (0xA801, "Move destination unknown"),
}

for _name, (_code, _meaning) in _NAMED.items():
    _status = Status(_code)
    _status.meaning = _meaning
    setattr(Status, _name, _status)
