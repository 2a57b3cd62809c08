"""The 23 DIMSE messages as classes; ``event.message`` is an instance of one of them (PS3.7 9.3 and 10.3)."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar

from dicomwire.data.large_memory import with_bytes
from dicomwire.dimse.command import DATA_SET, Command
from dicomwire.dimse.elements import ELEMENTS
from dicomwire.dimse.messages import MESSAGES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicomwire.compat.dimse_primitives import Primitive
    from dicomwire.upper_layer.connection import Buffer

_COMMAND_FIELDS = {kind.name.replace("-", "_"): command_field for command_field, kind in MESSAGES.items()}

_CLASSES: dict[int, type[Message]] = {}


class Message:
    """One message, sent or received.  Nothing is converted before somebody asks for it."""

    command_field: ClassVar[int]

    def __init_subclass__(cls) -> None:
        cls.command_field = _COMMAND_FIELDS[cls.__name__]
        _CLASSES[cls.command_field] = cls

    def __getstate__(self) -> dict[str, Any]:
        return with_bytes(self.__dict__)

    def __init__(
        self, context_id: int | None = None, command: Command | None = None, data: Buffer | None = None
    ) -> None:
        self.context_id = context_id
        """The presentation context it was or is to be sent on; None in one that was made by hand."""

        self.command: Command = command or Command(command_field=self.command_field)
        """The command set as a value."""

        self.data = data
        """The encoded data set as it was given; None without one, or if it is streamed."""

        self._command_set: Dataset | None = None
        self._data_set: BytesIO | None = None

    @property
    def command_set(self) -> Dataset:
        """The command set as a pydicom ``Dataset``, with what is unknown in it as VR UN."""
        if self._command_set is None:
            self._command_set = self._build_command_set()
        return self._command_set

    @property
    def data_set(self) -> BytesIO | None:
        """The encoded data set, or None."""
        if self._data_set is None and self.data is not None:
            self._data_set = BytesIO(self.data)
        return self._data_set

    def primitive_to_message(self, primitive: Primitive) -> None:
        """Take over what `primitive` says; `ValueError` if it is of another message than this.

        A response is a primitive that has Message ID Being Responded To.
        """
        from dicomwire.compat.dimse_primitives import to_command

        command, data = to_command(primitive)
        if command.command_field != self.command_field:
            raise ValueError(f"{primitive!r} is no {type(self).__name__}")
        self.command, self.data = command, data
        self._command_set = self._data_set = None

    def message_to_primitive(self) -> Primitive:
        """The same as a primitive of :mod:`dicomwire.dimse_primitives`."""
        from dicomwire.compat.dimse_primitives import from_command as primitive_of

        return primitive_of(self.command, self.data)

    def _build_command_set(self) -> Dataset:
        from pydicom.config import IGNORE
        from pydicom.dataelem import DataElement
        from pydicom.dataset import Dataset

        from dicomwire.data.text_values import command_element

        command_set = Dataset()
        for element in ELEMENTS:
            value: Any = getattr(self.command, element.field)
            if element.number == 0x0800 and self.data is not None and not self.command.has_data_set:
                # Ours: what says so on the wire is written when it is sent.
                value = DATA_SET
            if value is not None:
                # Peers send values that break their VR; they are shown as they came.
                command_set.add(command_element(element, value))
        for tag, raw in self.command.other:
            command_set.add(DataElement(tag, "UN", raw, validation_mode=IGNORE))
        return command_set

    def __repr__(self) -> str:
        size = "" if self.data is None else f", data set of {len(self.data)} bytes"
        return f"<{type(self).__name__}: context {self.context_id}{size}>"


def from_command(context_id: int, command: Command, data: Buffer | None = None) -> Message:
    """The message that `command` is; `data`, which must not change any more, is not copied.

    Raises:
        ValueError: its Command Field is none of a message.
    """
    kind = _CLASSES.get(command.command_field)
    if kind is None:
        raise ValueError(f"Command Field {command.command_field:#06x} is no DIMSE message")
    return kind(context_id, command, data)


class C_STORE_RQ(Message):
    """PS3.7 9.3.1.1."""


class C_STORE_RSP(Message):
    """PS3.7 9.3.1.2."""


class C_FIND_RQ(Message):
    """PS3.7 9.3.2.1."""


class C_FIND_RSP(Message):
    """PS3.7 9.3.2.2."""


class C_CANCEL_RQ(Message):
    """PS3.7 9.3.2.3, 9.3.3.3 and 9.3.4.3."""


class C_GET_RQ(Message):
    """PS3.7 9.3.3.1."""


class C_GET_RSP(Message):
    """PS3.7 9.3.3.2."""


class C_MOVE_RQ(Message):
    """PS3.7 9.3.4.1."""


class C_MOVE_RSP(Message):
    """PS3.7 9.3.4.2."""


class C_ECHO_RQ(Message):
    """PS3.7 9.3.5.1."""


class C_ECHO_RSP(Message):
    """PS3.7 9.3.5.2."""


class N_EVENT_REPORT_RQ(Message):
    """PS3.7 10.3.1.1."""


class N_EVENT_REPORT_RSP(Message):
    """PS3.7 10.3.1.2."""


class N_GET_RQ(Message):
    """PS3.7 10.3.2.1."""


class N_GET_RSP(Message):
    """PS3.7 10.3.2.2."""


class N_SET_RQ(Message):
    """PS3.7 10.3.3.1."""


class N_SET_RSP(Message):
    """PS3.7 10.3.3.2."""


class N_ACTION_RQ(Message):
    """PS3.7 10.3.4.1."""


class N_ACTION_RSP(Message):
    """PS3.7 10.3.4.2."""


class N_CREATE_RQ(Message):
    """PS3.7 10.3.5.1."""


class N_CREATE_RSP(Message):
    """PS3.7 10.3.5.2."""


class N_DELETE_RQ(Message):
    """PS3.7 10.3.6.1."""


class N_DELETE_RSP(Message):
    """PS3.7 10.3.6.2."""
