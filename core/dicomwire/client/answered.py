"""From what operations give to what verbs of a client give or raise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeAlias

from dicomwire.associations.explanation import STOPPED_BY_ITSELF, how_it_ended
from dicomwire.associations.invoking import Invoker, NoContext
from dicomwire.client.failures import ConnectionLost, Refused, ServiceFailed, in_keywords
from dicomwire.vocabulary.statuses import GENERAL_STATUS, StatusTable
from dicomwire.vocabulary.typed_status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Priority: TypeAlias = Literal["low", "medium", "high"]
"""How much the peer should hurry; most peers look at it for C-MOVE alone, or never (PS3.7 9.1.1.1)."""

_PRIORITIES: dict[str, int] = {"medium": 0, "high": 1, "low": 2}


def priority_code(priority: Priority) -> int:
    """As it is sent; `ValueError` for another word."""
    try:
        return _PRIORITIES[priority]
    except KeyError:
        raise ValueError(f"a priority is 'low', 'medium' or 'high', not {priority!r}") from None


def lost(invoker: Invoker) -> ConnectionLost:
    """There is no association any more; why."""
    return ConnectionLost(in_keywords(how_it_ended(invoker)) or "the association was released")


@contextmanager
def asking_of(invoker: Invoker) -> Iterator[None]:
    """While a request is made: that there is no association for it, or no context, is told as a client tells it.

    Raises:
        ConnectionLost: there is no association any more.
        Refused: the peer has accepted no presentation context for it, or none was proposed.
    """
    if not invoker.line.standing.is_established:
        raise lost(invoker)
    try:
        yield
    except NoContext as error:
        raise Refused(str(error)) from error
    except RuntimeError as error:
        if invoker.line.standing.is_established:
            raise
        raise lost(invoker) from error


def answered(invoker: Invoker, response: Dataset, operation: str, table: StatusTable = GENERAL_STATUS) -> Status:
    """The status of a final response, unless it is a failure.

    Raises:
        ServiceFailed: it is one.
        ConnectionLost: none came.
    """
    if not response:
        raise lost(invoker)
    status = Status.of(response, table)
    if status.is_failure:
        raise ServiceFailed(status, operation)
    return status


def done(invoker: Invoker, response: Dataset, operation: str, table: StatusTable = GENERAL_STATUS) -> Status:
    """The status of the only response to a request: success or a warning.

    Raises:
        ServiceFailed: it is a failure, or one that such a request cannot have, as Pending or Cancel: nobody knows that
            anything was done, and no other response will come.
        ConnectionLost: none came.
    """
    status = answered(invoker, response, operation, table)
    if not (status.is_success or status.is_warning):
        raise ServiceFailed(status, operation)
    return status


def stopped(status: Status, operation: str) -> ServiceFailed:
    """The peer says that it was cancelled, and nobody did."""
    comment = f"{status.comment}; {STOPPED_BY_ITSELF}" if status.comment else STOPPED_BY_ITSELF
    return ServiceFailed(status.because(comment), operation)
