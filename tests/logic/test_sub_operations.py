"""The counters of C-GET and C-MOVE."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from pydicom.dataset import Dataset

from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_GET_RQ, RESPONSE
from dicomwire.services.retrieve_scp import priority_of
from dicomwire.services.sub_operations import SubOperations
from dicomwire.status import code_to_status

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


class Encoded:
    """A file that was opened."""

    sop_instance_uid = "1.2.3"

    def __enter__(self) -> Encoded:
        return self

    def __exit__(self, *exception: object) -> None:
        return None


async def opened(instance: Any) -> Any:
    return Encoded()


class Broken(Exception):
    sop_instance_uid = "1.2.4"


async def broken(instance: Any) -> Any:
    raise Broken("cannot be read")


class Storing:
    """Answers one after another of its statuses."""

    def __init__(self, *statuses: Dataset) -> None:
        self.statuses = list(statuses)
        self.stored: list[Any] = []

    async def __call__(self, instance: Any, message_id: int) -> Dataset:
        self.stored.append((instance, message_id))
        return self.statuses.pop(0)


def instance(uid: str = "1.2.5") -> Dataset:
    dataset = Dataset()
    dataset.SOPInstanceUID = uid
    return dataset


def stored(done: SubOperations, store: Any, *instances: Any, open_: Any = opened) -> None:
    async def work() -> None:
        for one in instances:
            await done.store(one, open_, store, without_bulk_data=False)

    asyncio.run(work())


@pytest.mark.parametrize(("asked", "first"), [(0, 1), (None, 1), (7, 8), (65534, 65535), (65535, 1)])
def test_sub_operations_are_counted_on_from_the_request_and_never_have_the_message_id_0(
    asked: int | None, first: int
) -> None:
    store = Storing(code_to_status(0x0000))
    stored(SubOperations(evolve(REQUEST, message_id=asked), IMPLICIT, 1), store, instance())
    assert [message_id for _, message_id in store.stored] == [first]


def test_each_warning_is_counted() -> None:
    done = SubOperations(REQUEST, IMPLICIT, 3)
    stored(done, Storing(*[code_to_status(0xB000)] * 3), *[instance()] * 3)
    assert (done.warning, done.remaining, done.failed_uids) == (3, 0, [])


def test_a_file_is_sent_as_it_is_unless_bulk_data_is_left_out() -> None:
    store = Storing(code_to_status(0x0000))
    stored(SubOperations(REQUEST, IMPLICIT, 1), store, Path("a.dcm"))
    ((sent, _),) = store.stored
    assert isinstance(sent, Encoded)


def test_an_instance_that_cannot_be_opened_is_named_all_the_same() -> None:
    done = SubOperations(REQUEST, IMPLICIT, 1)
    stored(done, never, Path("a.dcm"), open_=broken)
    assert (done.failed, done.failed_uids) == (1, ["1.2.4"])


def test_no_answer_is_a_failure_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    done = SubOperations(REQUEST, IMPLICIT, 1)
    stored(done, Storing(Dataset()), instance())
    assert (done.failed, done.failed_uids) == (1, ["1.2.5"])
    assert not caplog.records


def test_of_many_classes_without_a_context_eight_are_named(caplog: pytest.LogCaptureFixture) -> None:
    done = SubOperations(REQUEST, IMPLICIT, 10)
    done.without_context = {f"1.2.3.{number}": number for number in range(1, 11)}
    response, _ = done.final(evolve(PENDING, status=0xB000))
    assert "1.2.3.8 (8) and 2 more SOP classes" in caplog.text
    assert response.error_comment is not None and response.error_comment.startswith("no context for 1.2.3.1, 1.2.3.2")
    # What the handler says of it is kept.
    own, _ = done.final(evolve(PENDING, status=0xB000, error_comment="its own"))
    assert own.error_comment == "its own"


def test_a_list_of_failed_instances_comes_with_no_success_and_only_if_there_is_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done = SubOperations(REQUEST, IMPLICIT, 1)
    assert done.final(evolve(PENDING, status=0xA702))[1] is None
    done.failed_uids.append("1.2.3")
    assert done.final(evolve(PENDING, status=0x0000))[1] is None
    assert b"1.2.3" in bytes(done.final(evolve(PENDING, status=0xA702))[1] or b"")
    assert not caplog.records


@pytest.mark.parametrize(("asked", "used"), [(0, 0), (1, 1), (2, 2), (3, 2), (None, 2)])
def test_sub_operations_have_the_priority_of_the_request_if_it_is_one(asked: int | None, used: int) -> None:
    assert priority_of(evolve(REQUEST, priority=asked)) == used
