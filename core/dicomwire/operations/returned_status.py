"""The status that operations hand back."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.data.lazy_data_sets import LazyDataset
from dicomwire.dimse.command import Command
from dicomwire.dimse.elements import ELEMENTS
from dicomwire.dimse.messages import MESSAGES, N_EVENT_REPORT_RQ, RESPONSE

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

_STATUS = 0x00000900

# What a returned status holds beside Status, by command field of the response: not what merely repeats the request,
# except for N-EVENT-REPORT, where it is documented.
_STATUS_ELEMENTS = {
    field: [
        element
        for element in ELEMENTS
        if element.field in kind.optional
        and element.field != "action_type_id"
        and (element.vr != "UI" or field == N_EVENT_REPORT_RQ | RESPONSE)
    ]
    for field, kind in MESSAGES.items()
}


def status_of(response: ReceivedMessage | None) -> Dataset:
    """The status elements of a response as users know them; empty without one."""
    if response is None or response.command.status is None:
        from pydicom.dataset import Dataset

        return Dataset()
    return ReturnedStatus.of(response.command)


class ReturnedStatus(LazyDataset):
    """The status elements of a response; nearly always looked at for ``Status`` and nothing else."""

    if not TYPE_CHECKING:
        # Type checkers know it of Dataset, and that one may set it.
        @property
        def Status(self) -> Any:
            """Its value, as :class:`Dataset` has it."""
            command: Command | None = self.__dict__.get("_pending")
            return LazyDataset.__getattr__(self, "Status") if command is None else command.status

    def __bool__(self) -> bool:
        """There are elements: ``if status:`` asks whether a response came."""
        return True

    @staticmethod
    def make(pending: Command) -> Dataset:
        """The status as a data set: the status elements of the response (PS3.7 annex C)."""
        from pydicom.tag import BaseTag

        from dicomwire.data.pydicom_private import new_dataset
        from dicomwire.data.text_values import command_element

        assert pending.status is not None
        status = new_dataset({BaseTag(_STATUS): _status_element(pending.status)})
        for element in _STATUS_ELEMENTS[pending.command_field]:
            value = getattr(pending, element.field)
            if value is not None:
                status.add(command_element(element, value))
        return status


@lru_cache(maxsize=64)
def _status_attributes(code: int) -> dict[str, Any]:
    from pydicom.dataelem import DataElement

    return vars(DataElement(_STATUS, "US", code))


def _status_element(code: int) -> DataElement:
    """``DataElement``, whose constructor costs as much as decoding a response; so does reading one of raw bytes."""
    from dicomwire.data.pydicom_private import new_element

    return new_element(_status_attributes(code))
