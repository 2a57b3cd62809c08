"""C-ECHO as SCU (PS3.4 annex A, PS3.7 9.1.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire.dimse.command import NO_DATA_SET, Command
from dicomwire.dimse.messages import C_ECHO_RQ
from dicomwire.operations.common import (
    check_message_id,
    choose_context,
    exchange,
    require_established,
)
from dicomwire.operations.returned_status import status_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicomwire.associations.association import AssociationBase

VERIFICATION = "1.2.840.10008.1.1"


async def send_c_echo(self: AssociationBase, msg_id: int = 1) -> Dataset:
    """Verify that the peer answers: a ``Dataset`` with its ``Status``, 0x0000 for success.

    The ``Dataset`` is empty if the peer did not answer in time, aborted, or the connection was lost.

    Raises:
        RuntimeError: the association is not established.
        ValueError: no presentation context for Verification was accepted, or a bad message ID.
        TypeError: the message ID is no int.
    """
    require_established(self)
    check_message_id(msg_id)
    context = choose_context(self, VERIFICATION)
    command = Command(
        command_field=C_ECHO_RQ,
        message_id=msg_id,
        affected_sop_class_uid=VERIFICATION,
        command_data_set_type=NO_DATA_SET,
    )
    return status_of(await exchange(self, context.context_id, command))
