"""C-ECHO as SCU (PS3.4 annex A, PS3.7 9.1.5)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dicomwire._globals import VERIFICATION
from dicomwire.associations.invoking import HasInvoker
from dicomwire.dimse.command import NO_DATA_SET, Command
from dicomwire.dimse.messages import C_ECHO_RQ
from dicomwire.operations.argument_checks import check_message_id
from dicomwire.operations.returned_status import status_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


async def send_c_echo(self: HasInvoker, msg_id: int = 1) -> Dataset:
    """Verify that the peer answers: a ``Dataset`` with its ``Status``, 0x0000 for success.

    The ``Dataset`` is empty if the peer did not answer in time, aborted, or the connection was lost.

    Raises:
        RuntimeError: the association is not established.
        ValueError: no presentation context for Verification was accepted, or a bad message ID.
        TypeError: the message ID is no int.
    """
    invoker = self.invoker
    invoker.require_established()
    check_message_id(msg_id)
    context = invoker.choose_context(VERIFICATION)
    return status_of(await invoker.ask(context, _request(msg_id)))


@lru_cache(maxsize=16)
def _request(message_id: int) -> Command:
    # Whoever sends one every minute, or thousands to measure the way, sends the same bytes each time.
    return Command(
        command_field=C_ECHO_RQ,
        message_id=message_id,
        affected_sop_class_uid=VERIFICATION,
        command_data_set_type=NO_DATA_SET,
    ).kept_encoded()
