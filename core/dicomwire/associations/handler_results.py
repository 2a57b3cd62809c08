"""What handlers of intervention events give, for type checkers."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from dicomwire.data.sinks import SinkTarget
from dicomwire.data.sources import Storable

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

    from dicomwire.compat.negotiation_items import SOPClassCommonExtendedNegotiation

T = TypeVar("T")

Awaited: TypeAlias = T | Awaitable[T]
"""By a plain handler, or by an async one."""

Several: TypeAlias = Iterable[T] | AsyncIterable[T] | Awaitable[Iterable[T] | AsyncIterable[T] | None] | None
"""By a generator, or by whatever else can be iterated; None is nothing."""

GivenStatus: TypeAlias = "int | Dataset"
"""A number, a `Status`, or a data set with ``Status`` and more elements of a response."""

StatusResult: TypeAlias = "Awaited[GivenStatus]"
ReplyResult: TypeAlias = "Awaited[tuple[GivenStatus, Dataset | None]]"
"""A status, and attributes or a reply."""

FindResult: TypeAlias = "Several[tuple[GivenStatus, Dataset | None]]"
GetResult: TypeAlias = "Several[int | tuple[GivenStatus, Storable | None]]"
"""How many instances there are, then pairs of a status and an instance."""

Destination: TypeAlias = tuple[str | None, int | None] | tuple[str, int, Mapping[str, Any]]
MoveResult: TypeAlias = "Several[Destination | int | tuple[GivenStatus, Storable | None]]"
"""Where the destination is, how many instances there are, then pairs of a status and an instance."""

SinkResult: TypeAlias = "Awaited[SinkTarget]"
WindowResult: TypeAlias = "Awaited[tuple[int, int]]"
CommonItems: TypeAlias = "dict[UID, SOPClassCommonExtendedNegotiation] | dict[str, SOPClassCommonExtendedNegotiation]"
CommonResult: TypeAlias = "Awaited[CommonItems]"
ExtendedResult: TypeAlias = "Awaited[dict[UID, bytes] | dict[str, bytes]]"
IdentityResult: TypeAlias = "Awaited[tuple[bool, bytes | None]]"
