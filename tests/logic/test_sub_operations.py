"""The counters of C-GET and C-MOVE."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_GET_RQ, RESPONSE
from dicomwire.services.sub_operations import SubOperations

IMPLICIT = "1.2.840.10008.1.2"
REQUEST = Command(command_field=C_GET_RQ, message_id=65535, affected_sop_class_uid="1.2.840.10008.5.1.4.1.2.2.3")
PENDING = Command(command_field=C_GET_RQ | RESPONSE, message_id_being_responded_to=65535, status=0xFF00)


async def never(*arguments: Any) -> Any:
    raise AssertionError("there is nothing to store")


@pytest.mark.parametrize(("yielded", "told"), [(65534, 65534), (65535, 65535), (65536, 65535), (70000, 65535)])
def test_a_handler_may_yield_more_that_is_no_instance_than_a_counter_can_hold(yielded: int, told: int) -> None:
    async def work() -> Command:
        done = SubOperations(REQUEST, IMPLICIT, 2)
        done.failed = yielded - 1
        await done.store("no instance", never, never, without_bulk_data=False)
        return done.count(PENDING, remaining=True)

    counted = asyncio.run(work())
    assert counted.number_of_failed_suboperations == told
    assert counted.number_of_remaining_suboperations == 2
    # It can be sent.
    assert Command.decode(counted.encode(0x0101)).number_of_failed_suboperations == told
