"""Verifying a peer, and storing instances there (PS3.4 annexes A and B)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from attrs import frozen

from dicomwire._values import Value
from dicomwire.associations.awaitables import asking
from dicomwire.associations.invoking import HasInvoker
from dicomwire.associations.response_streams import Stream
from dicomwire.client.answered import Priority, asking_of, done, priority_code
from dicomwire.client.failures import ConnectionLost, ServiceFailed
from dicomwire.data.sources import Storable
from dicomwire.operations.echo_scu import send_c_echo
from dicomwire.operations.store_scu import send_c_store
from dicomwire.vocabulary.statuses import STORAGE_SERVICE_CLASS_STATUS
from dicomwire.vocabulary.typed_status import Status

T = TypeVar("T", bound="Storable")


async def echo(self: HasInvoker) -> Status:
    """Ask whether the peer is there and answers (C-ECHO).

    Raises:
        Refused: no presentation context for Verification was accepted.
        ConnectionLost, ServiceFailed: there was no answer, or it was a failure.
    """
    with asking_of(self.invoker):
        return done(self.invoker, await send_c_echo(self), "C-ECHO")


async def store(self: HasInvoker, instance: Storable, *, priority: Priority = "medium") -> Status:
    """Store one instance at the peer: its status, which may be a warning.

    All but a ``Dataset`` is sent as it is, in pieces, if its transfer syntax was accepted: not decoded, and a file
    never wholly in memory.

    Raises:
        Refused: no presentation context was accepted that the instance can be sent on, or converted for.
        ConnectionLost, ServiceFailed: there was no answer, or it was a failure.
        ValueError, AttributeError: the instance cannot be encoded, or lacks UIDs or its transfer syntax.
        OSError, pydicom.errors.InvalidDicomError: the file cannot be read, or is no DICOM file.
        TypeError: it is nothing that can be stored.
    """
    with asking_of(self.invoker):
        response = await send_c_store(self, instance, priority=priority_code(priority))
    return done(self.invoker, response, "C-STORE", STORAGE_SERVICE_CLASS_STATUS)


@frozen(kw_only=True, repr=False, eq=False)
class Stored(Value, Generic[T]):
    """What became of one of many instances; true if the peer has it."""

    instance: T
    status: Status | None = None
    """What the peer answered; None if it was not sent."""

    error: Exception | None = None
    """Why it is not there: what :func:`store` would have raised; None if it is."""

    def __bool__(self) -> bool:
        return self.error is None


class Storing(Stream[Stored[T]]):
    """Stores one after the other; an instance that cannot be sent, or is refused, is no end."""

    def __init__(self, association: HasInvoker, instances: Iterable[T], priority: Priority) -> None:
        self._association = association
        self._instances = iter(instances)
        self._taken: list[T] = []
        self._priority: Priority = priority
        self._is_over = False

    def prepare(self) -> None:
        """Take the next instance."""
        if not self._is_over and not self._taken:
            try:
                self._taken.append(next(self._instances))
            except StopIteration:
                self._is_over = True

    async def __anext__(self) -> Stored[T]:
        """What became of the next instance.

        Raises:
            ConnectionLost: the association has ended, and nothing is known of the instance that was under way.
        """
        self.prepare()
        if self._is_over:
            raise StopAsyncIteration
        instance = self._taken.pop()
        try:
            return Stored(instance=instance, status=await store(self._association, instance, priority=self._priority))
        except ServiceFailed as error:
            return Stored(instance=instance, status=error.status, error=error)
        except ConnectionLost:
            self._is_over = True
            raise
        except Exception as error:  # whatever an instance or its file raises
            return Stored(instance=instance, error=error)

    def leave(self) -> None:
        """Store no more."""
        self._is_over = True


@asking
async def store_many(self: HasInvoker, instances: Iterable[T], *, priority: Priority = "medium") -> Stream[Stored[T]]:
    """Store many instances, one after the other: an iterator that says what became of each.

    Whatever is wrong with one of them is in its `Stored`, and the next follows.  Only when the association has ended
    does the iterator raise ConnectionLost: the instances that it has not given are not known to be there.

    Raises:
        ConnectionLost: the association is not established.
        TypeError: these are not many, but one, or none at all.
    """
    from pydicom.dataset import Dataset

    # A string is one path, and a data set can be iterated by its elements.
    if isinstance(instances, str | bytes | bytearray | memoryview | Dataset) or not isinstance(instances, Iterable):
        raise TypeError(f"many instances come in a list or another iterable, not as one {type(instances).__name__}")
    with asking_of(self.invoker):
        priority_code(priority)
        return Storing(self, instances, priority)
