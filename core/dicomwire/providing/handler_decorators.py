"""What the decorators of a `Service` take and give, for type checkers: a handler stays what it is."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar, overload

from dicomwire.client.managing import Reply
from dicomwire.data.sources import Storable
from dicomwire.providing.answering import MoveTo
from dicomwire.providing.typed_requests import ServiceRequest
from dicomwire.vocabulary.typed_status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

T = TypeVar("T")

OrAwaited: TypeAlias = T | Awaitable[T]
Several: TypeAlias = Iterable[T] | AsyncIterable[T] | Awaitable[Iterable[T]]
Replied: TypeAlias = "Dataset | Reply | Status | None"

RequestT = TypeVar("RequestT", bound=ServiceRequest)
StatusT = TypeVar("StatusT", bound="OrAwaited[Status]")
MatchesT = TypeVar("MatchesT", bound="Several[Dataset]")
InstancesT = TypeVar("InstancesT", bound="Several[Storable]")
DestinationT = TypeVar("DestinationT", bound="OrAwaited[MoveTo | None]")
ReplyT = TypeVar("ReplyT", bound="OrAwaited[Replied]")

Named: TypeAlias = Iterable[str] | None
"""UIDs; None is the usual ones."""


class StatusHandlers(Protocol[RequestT]):
    """For handlers that give a status."""

    @overload
    def __call__(self, handler: Callable[[RequestT], StatusT], /) -> Callable[[RequestT], StatusT]: ...
    @overload
    def __call__(self, /, *, classes: Named = None, transfer_syntaxes: Named = None) -> StatusHandlers[RequestT]: ...


class MatchHandlers(Protocol[RequestT]):
    """For handlers that give matches."""

    @overload
    def __call__(self, handler: Callable[[RequestT], MatchesT], /) -> Callable[[RequestT], MatchesT]: ...
    @overload
    def __call__(self, /, *, classes: Named = None, transfer_syntaxes: Named = None) -> MatchHandlers[RequestT]: ...


class InstanceHandlers(Protocol[RequestT]):
    """For handlers that give instances."""

    @overload
    def __call__(self, handler: Callable[[RequestT], InstancesT], /) -> Callable[[RequestT], InstancesT]: ...
    @overload
    def __call__(self, /, *, classes: Named = None, transfer_syntaxes: Named = None) -> InstanceHandlers[RequestT]: ...


class DestinationHandlers(Protocol[RequestT]):
    """For handlers that give a destination, and what goes there."""

    @overload
    def __call__(self, handler: Callable[[RequestT], DestinationT], /) -> Callable[[RequestT], DestinationT]: ...
    @overload
    def __call__(
        self, /, *, classes: Named = None, transfer_syntaxes: Named = None
    ) -> DestinationHandlers[RequestT]: ...


class ReplyHandlers(Protocol[RequestT]):
    """For handlers that give a reply."""

    def __call__(self, handler: Callable[[RequestT], ReplyT], /) -> Callable[[RequestT], ReplyT]:
        """Register a handler."""
        ...


class NamedReplyHandlers(Protocol[RequestT]):
    """The same where there are no usual SOP classes."""

    def __call__(self, /, *, classes: Iterable[str], transfer_syntaxes: Named = None) -> ReplyHandlers[RequestT]:
        """Register a handler for these SOP classes."""
        ...


class NamedStatusHandlers(Protocol[RequestT]):
    """For handlers that give a status, where there are no usual SOP classes."""

    def __call__(self, /, *, classes: Iterable[str], transfer_syntaxes: Named = None) -> StatusHandlers[RequestT]:
        """Register a handler for these SOP classes."""
        ...
