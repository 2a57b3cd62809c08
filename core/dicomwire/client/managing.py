"""The N-services as a client asks for them (PS3.7 10.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from dicomwire._values import Value
from dicomwire.associations.invoking import HasInvoker
from dicomwire.client.answered import asking_of, done
from dicomwire.dimse.messages import N_CREATE_RQ
from dicomwire.operations import normalized_scu
from dicomwire.operations.normalized_scu import invoke
from dicomwire.vocabulary.served_sop_classes import uid_to_service_class
from dicomwire.vocabulary.typed_status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicomwire.vocabulary.statuses import StatusTable


@frozen(kw_only=True, repr=False, eq=False)
class Reply(Value):
    """What the peer answered to a request for a managed instance."""

    status: Status
    """Success or a warning."""

    attributes: Dataset
    """The attributes, or the action or event reply, that came; empty if none did."""

    instance_uid: str | None = None
    """Of a created instance its UID: the one that was asked for, or that the peer has chosen."""


def _replied(self: HasInvoker, result: tuple[Dataset, Dataset | None], operation: str, class_uid: str) -> Reply:
    from pydicom.dataset import Dataset

    response, attributes = result
    status = done(self.invoker, response, operation, _table(class_uid))
    return Reply(status=status, attributes=Dataset() if attributes is None else attributes)


def _table(class_uid: str) -> StatusTable:
    return uid_to_service_class(str(class_uid)).statuses


async def create(
    self: HasInvoker,
    class_uid: str,
    instance_uid: str | None = None,
    attributes: Dataset | None = None,
    *,
    meta_uid: str | None = None,
) -> Reply:
    """Have the peer create an instance (N-CREATE).

    ``class_uid`` is the SOP class, ``instance_uid`` the UID the instance shall have, which the peer chooses if it is
    None; ``attributes`` are what it begins with.  ``meta_uid`` is the abstract syntax of the presentation context where
    that is not ``class_uid``, as in printing.

    Raises:
        Refused: no presentation context for it was accepted.
        ConnectionLost, ServiceFailed: there was no answer, or it was a failure.
        ValueError, TypeError: a bad argument, or the attributes cannot be encoded.
    """
    with asking_of(self.invoker):
        invoked = await invoke(self.invoker, N_CREATE_RQ, class_uid, instance_uid, 1, meta_uid, attributes)
    reply = _replied(self, invoked[:2], "N-CREATE", class_uid)
    chosen = None if invoked.command is None else invoked.command.affected_sop_instance_uid
    return evolve(reply, instance_uid=instance_uid or chosen)


async def set_attributes(
    self: HasInvoker, class_uid: str, instance_uid: str, attributes: Dataset, *, meta_uid: str | None = None
) -> Reply:
    """Change attributes of an instance (N-SET).  The rest is as for :meth:`create`."""
    with asking_of(self.invoker):
        result = await normalized_scu.send_n_set(self, attributes, class_uid, instance_uid, meta_uid=meta_uid)
    return _replied(self, result, "N-SET", class_uid)


async def get_attributes(
    self: HasInvoker,
    class_uid: str,
    instance_uid: str,
    tags: Sequence[Any] | None = None,
    *,
    meta_uid: str | None = None,
) -> Reply:
    """Get attributes of an instance (N-GET).

    ``tags`` are those wanted, each a keyword, a number, a pair or a tag; None or none at all is every one.  The rest is
    as for :meth:`create`.
    """
    from pydicom.tag import Tag

    wanted = [Tag(tag) for tag in tags or ()]
    with asking_of(self.invoker):
        result = await normalized_scu.send_n_get(self, wanted, class_uid, instance_uid, meta_uid=meta_uid)
    return _replied(self, result, "N-GET", class_uid)


async def action(
    self: HasInvoker,
    class_uid: str,
    instance_uid: str,
    action_type: int,
    information: Dataset | None = None,
    *,
    meta_uid: str | None = None,
) -> Reply:
    """Have the peer act on an instance (N-ACTION): ``action_type`` is the number that the SOP class has for it.

    The rest is as for :meth:`create`.
    """
    with asking_of(self.invoker):
        result = await normalized_scu.send_n_action(
            self, information, action_type, class_uid, instance_uid, meta_uid=meta_uid
        )
    return _replied(self, result, "N-ACTION", class_uid)


async def delete(self: HasInvoker, class_uid: str, instance_uid: str, *, meta_uid: str | None = None) -> Status:
    """Have the peer delete an instance (N-DELETE).  The rest is as for :meth:`create`."""
    with asking_of(self.invoker):
        response = await normalized_scu.send_n_delete(self, class_uid, instance_uid, meta_uid=meta_uid)
    return done(self.invoker, response, "N-DELETE", _table(class_uid))


async def report_event(
    self: HasInvoker,
    class_uid: str,
    instance_uid: str,
    event_type: int,
    information: Dataset | None = None,
    *,
    meta_uid: str | None = None,
) -> Reply:
    """Tell the peer of an event (N-EVENT-REPORT): ``event_type`` is the number that the SOP class has for it.

    The rest is as for :meth:`create`.
    """
    with asking_of(self.invoker):
        result = await normalized_scu.send_n_event_report(
            self, information, event_type, class_uid, instance_uid, meta_uid=meta_uid
        )
    return _replied(self, result, "N-EVENT-REPORT", class_uid)
