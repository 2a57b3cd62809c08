"""The requests of a peer, a class for each kind: what a handler is given."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dicomwire._globals import EXPLICIT_LITTLE, VERIFICATION
from dicomwire.associations import events as evt
from dicomwire.client.queries import FIND, GET, MOVE, STUDY_ROOT, Query, query_of
from dicomwire.client.received_instance import ReceivedInstance
from dicomwire.compat import dimse_primitives as primitives
from dicomwire.data.data_sets import encode_data_set
from dicomwire.vocabulary.titles_and_uids import received_text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from dicomwire.associations.received_message import ReceivedMessage


class ServiceRequest:
    """A request of a peer, and who that is."""

    event_type: ClassVar[evt.InterventionEvent]

    def __init__(self, event: evt.Event) -> None:
        self._event = event
        self._message: ReceivedMessage = evt.message_of(event)

    @property
    def association(self) -> Any:
        """The association it came on: that of the adapter in use.  None if the request was made by hand."""
        return self._event.assoc

    @property
    def calling_title(self) -> str:
        """The AE title that the peer gives itself; empty if the request was made by hand."""
        return "" if self.association is None else str(self.association.requestor.ae_title)

    @property
    def called_title(self) -> str:
        """The AE title that the peer has asked for; empty if the request was made by hand."""
        return "" if self.association is None else str(self.association.acceptor.primitive.called_ae_title)

    @property
    def address(self) -> tuple[Any, ...] | None:
        """Where the peer is: host and port, and more for IPv6; None if that is unknown."""
        address: tuple[Any, ...] | None = None if self.association is None else self.association.requestor.address_tuple
        return address

    @property
    def message_id(self) -> int:
        """The number that the peer has given the request."""
        return self._message.message_id

    @property
    def sop_class_uid(self) -> str:
        """The SOP class that the request names."""
        command = self._message.command
        named = command.affected_sop_class_uid or command.requested_sop_class_uid
        return named or self._message.context.abstract_syntax

    @property
    def is_cancelled(self) -> bool:
        """The peer has asked to stop; may become true while a handler is at work."""
        return self._event.is_cancelled

    @classmethod
    def _by_hand(cls, primitive: Any, syntax: str = EXPLICIT_LITTLE) -> Self:
        uid = str(getattr(primitive, "AffectedSOPClassUID", None) or primitive.RequestedSOPClassUID)
        primitive.MessageID = 1
        return cls(evt.Event(None, cls.event_type, {"request": primitive, "context": (1, uid, syntax)}))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.message_id}>"


def _encoded(dataset: Dataset | None) -> BytesIO | None:
    return None if dataset is None else BytesIO(bytes(encode_data_set(dataset, EXPLICIT_LITTLE)))


class EchoRequest(ServiceRequest):
    """C-ECHO: whether anybody is there."""

    event_type: ClassVar[evt.InterventionEvent] = evt.EVT_C_ECHO

    @classmethod
    def made_by_hand(cls) -> Self:
        """A request as tests of handlers need one."""
        primitive = primitives.C_ECHO()
        primitive.AffectedSOPClassUID = VERIFICATION
        return cls._by_hand(primitive)


class StoreRequest(ServiceRequest, ReceivedInstance):
    """C-STORE: an instance to be kept."""

    event_type: ClassVar[evt.InterventionEvent] = evt.EVT_C_STORE

    @property
    def sop_class_uid(self) -> str:
        """The SOP class that the request names."""
        return self._message.command.affected_sop_class_uid or self._message.context.abstract_syntax

    @property
    def move_originator(self) -> str | None:
        """The AE title of who has asked for this with C-MOVE; None if nobody has."""
        title = self._message.command.move_originator_application_entity_title
        return title if title is None else received_text(title)

    @classmethod
    def made_by_hand(cls, dataset: Dataset) -> Self:
        """A request for an instance, as tests of handlers need one; it must have its SOP class and SOP instance."""
        from pydicom.dataset import Dataset

        if not isinstance(dataset, Dataset):
            raise TypeError(
                f"a StoreRequest is made of a Dataset, such as dcmread gives, not of {type(dataset).__name__}"
            )
        primitive = primitives.C_STORE()
        primitive.AffectedSOPClassUID = dataset.SOPClassUID
        primitive.AffectedSOPInstanceUID = dataset.SOPInstanceUID
        primitive.DataSet = _encoded(dataset)
        return cls._by_hand(primitive)


class _QueryRequest(ServiceRequest):
    @property
    def identifier(self) -> Dataset:
        """What is looked for.

        Raises:
            BrokenDataSet: it cannot be decoded.
        """
        return self._message.data_set()

    @property
    def level(self) -> str:
        """The level that is asked for, such as ``"STUDY"``; empty in a worklist."""
        return str(self.identifier.get("QueryRetrieveLevel") or "")

    @classmethod
    def _made(cls, primitive: Any, query: Query, model: str) -> Self:
        primitive.AffectedSOPClassUID = model
        primitive.Identifier = _encoded(query_of(query))
        return cls._by_hand(primitive)


class FindRequest(_QueryRequest):
    """C-FIND: what there is that matches."""

    event_type: ClassVar[evt.InterventionEvent] = evt.EVT_C_FIND

    @classmethod
    def made_by_hand(cls, query: Query, model: str = STUDY_ROOT + FIND) -> Self:
        """A query, as tests of handlers need one."""
        return cls._made(primitives.C_FIND(), query, model)


class GetRequest(_QueryRequest):
    """C-GET: instances to be sent on this association."""

    event_type: ClassVar[evt.InterventionEvent] = evt.EVT_C_GET

    @classmethod
    def made_by_hand(cls, query: Query, model: str = STUDY_ROOT + GET) -> Self:
        """A query, as tests of handlers need one."""
        return cls._made(primitives.C_GET(), query, model)


class MoveRequest(_QueryRequest):
    """C-MOVE: instances to be sent somewhere else."""

    event_type: ClassVar[evt.InterventionEvent] = evt.EVT_C_MOVE

    @property
    def destination(self) -> str:
        """The AE title of where they shall go."""
        return received_text(self._message.command.move_destination or "")

    @classmethod
    def made_by_hand(cls, query: Query, destination: str, model: str = STUDY_ROOT + MOVE) -> Self:
        """A query, as tests of handlers need one."""
        primitive = primitives.C_MOVE()
        primitive.MoveDestination = destination
        return cls._made(primitive, query, model)


class ManagedRequest(ServiceRequest):
    """A request about an instance that we manage."""

    @property
    def sop_instance_uid(self) -> str | None:
        """Which instance it is about; None if the peer has not said."""
        command = self._message.command
        return command.affected_sop_instance_uid or command.requested_sop_instance_uid

    @classmethod
    def _made(cls, primitive: Any, class_uid: str, instance_uid: str | None, side: str) -> Self:
        setattr(primitive, f"{side}SOPClassUID", class_uid)
        setattr(primitive, f"{side}SOPInstanceUID", instance_uid)
        return cls._by_hand(primitive)


class CreateRequest(ManagedRequest):
    """N-CREATE: a new instance."""

    event_type: ClassVar[evt.InterventionEvent] = evt.EVT_N_CREATE

    _chosen: str | None = None

    @property
    def sop_instance_uid(self) -> str:
        """The UID of the new instance.

        If the peer leaves it to us (PS3.7 10.1.5.1.4), as many modalities do with procedure steps, it is a new one, and
        the response tells it, unless the handler gives a `Reply` with another.
        """
        named = super().sop_instance_uid
        if named is not None:
            return named
        if self._chosen is None:
            from pydicom.uid import generate_uid

            self._chosen = str(generate_uid(prefix=None))
        return self._chosen

    @property
    def names_instance(self) -> bool:
        """Whether the peer has named the new instance; else the UID is ours."""
        return super().sop_instance_uid is not None

    @property
    def attributes(self) -> Dataset:
        """What it begins with; empty if nothing was sent."""
        return self._message.data_set()

    @classmethod
    def made_by_hand(cls, class_uid: str, instance_uid: str | None = None, attributes: Dataset | None = None) -> Self:
        """A request as tests of handlers need one."""
        primitive = primitives.N_CREATE()
        primitive.AttributeList = _encoded(attributes)
        return cls._made(primitive, class_uid, instance_uid, "Affected")


class SetRequest(ManagedRequest):
    """N-SET: changes of an instance."""

    event_type: ClassVar[evt.InterventionEvent] = evt.EVT_N_SET

    @property
    def attributes(self) -> Dataset:
        """What shall be other than before."""
        return self._message.data_set()

    @classmethod
    def made_by_hand(cls, class_uid: str, instance_uid: str, attributes: Dataset) -> Self:
        """A request as tests of handlers need one."""
        primitive = primitives.N_SET()
        primitive.ModificationList = _encoded(attributes)
        return cls._made(primitive, class_uid, instance_uid, "Requested")


class GetAttributesRequest(ManagedRequest):
    """N-GET: what an instance is like."""

    event_type: ClassVar[evt.InterventionEvent] = evt.EVT_N_GET

    @property
    def tags(self) -> list[BaseTag]:
        """The attributes that are asked for; ``[]`` is every one."""
        return self._event.attribute_identifiers

    @classmethod
    def made_by_hand(cls, class_uid: str, instance_uid: str, tags: list[int] | None = None) -> Self:
        """A request as tests of handlers need one."""
        primitive = primitives.N_GET()
        primitive.AttributeIdentifierList = tags
        return cls._made(primitive, class_uid, instance_uid, "Requested")


class ActionRequest(ManagedRequest):
    """N-ACTION: something to be done with an instance."""

    event_type: ClassVar[evt.InterventionEvent] = evt.EVT_N_ACTION

    @property
    def action_type(self) -> int:
        """Which action: the number that the SOP class has for it."""
        return self._message.command.action_type_id or 0

    @property
    def information(self) -> Dataset:
        """What is needed to do it; empty if nothing was sent."""
        return self._message.data_set()

    @classmethod
    def made_by_hand(
        cls, class_uid: str, instance_uid: str, action_type: int, information: Dataset | None = None
    ) -> Self:
        """A request as tests of handlers need one."""
        primitive = primitives.N_ACTION()
        primitive.ActionTypeID = action_type
        primitive.ActionInformation = _encoded(information)
        return cls._made(primitive, class_uid, instance_uid, "Requested")


class DeleteRequest(ManagedRequest):
    """N-DELETE: an instance that shall go."""

    event_type: ClassVar[evt.InterventionEvent] = evt.EVT_N_DELETE

    @classmethod
    def made_by_hand(cls, class_uid: str, instance_uid: str) -> Self:
        """A request as tests of handlers need one."""
        return cls._made(primitives.N_DELETE(), class_uid, instance_uid, "Requested")


class EventReport(ManagedRequest):
    """N-EVENT-REPORT: something has happened to an instance."""

    event_type: ClassVar[evt.InterventionEvent] = evt.EVT_N_EVENT_REPORT

    @property
    def event_number(self) -> int:
        """What has happened: the number that the SOP class has for it."""
        return self._message.command.event_type_id or 0

    @property
    def information(self) -> Dataset:
        """More about it; empty if nothing was sent."""
        return self._message.data_set()

    @classmethod
    def made_by_hand(
        cls, class_uid: str, instance_uid: str, event_number: int, information: Dataset | None = None
    ) -> Self:
        """A request as tests of handlers need one."""
        primitive = primitives.N_EVENT_REPORT()
        primitive.EventTypeID = event_number
        primitive.EventInformation = _encoded(information)
        return cls._made(primitive, class_uid, instance_uid, "Affected")
