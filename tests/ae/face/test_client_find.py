"""``find``, ``find_pages`` and ``worklist`` of a client."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import ConnectionLost, Refused, ServiceFailed, Status, evt
from dicomwire.client.queries import FIND, PATIENT_ROOT, STUDY_ROOT, WORKLIST, query_of
from dicomwire.upper_layer.limits import Timeouts
from tests.support.adapters import World, done
from tests.support.face import STUDY, advance, answering, joined, leave, listed
from tests.support.finding import MATCH
from tests.support.scripted import accepting, hear, reply

PENDING = 0xFF00


def found(count: int) -> list[Dataset]:
    return [query_of({"PatientID": str(number)}) for number in range(count)]


async def finding(world: World, count: int = 5, **options: Any) -> Any:
    return await joined(world, answering("find", lambda request: found(count)), services=["echo", "find"], **options)


async def scripted(world: World, *responses: bytes, **options: Any) -> Any:
    """A client whose peer answers the first request with these, and whoever has the peer's end of it."""
    listener = await world.listen()

    async def peer() -> Any:
        other = await accepting(listener)
        await hear(other)
        await other.send(b"".join(responses))
        return other

    job = world.start(peer)
    # The script ends before it would see an abort.
    options.setdefault("timeouts", Timeouts(close=0.02))
    client = await world.client(listener, contexts=[STUDY_ROOT + FIND], **options)
    return client, job


def identifiers(matches: list[Any]) -> list[str]:
    return [match.PatientID for match in matches]


async def test_matches_come_as_data_sets(world: World) -> None:
    client = await finding(world)
    assert identifiers(await listed(client.find(STUDY))) == ["0", "1", "2", "3", "4"]
    assert (await done(client.echo())).is_success


async def test_no_match_is_none(world: World) -> None:
    client = await finding(world, 0)
    assert await listed(client.find(STUDY)) == []


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (4, 4), (5, 5), (6, 5)])
async def test_no_more_come_than_the_limit(world: World, limit: int, count: int) -> None:
    client = await finding(world)
    assert len(await listed(client.find(STUDY, limit=limit))) == count
    assert len(await listed(client.find(STUDY))) == 5


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_limit_of_less_than_one_is_refused(world: World, limit: int) -> None:
    client = await finding(world)
    with pytest.raises(ValueError, match="limit"):
        await listed(client.find(STUDY, limit=limit))


async def test_the_peer_is_asked_to_stop_at_the_limit(world: World) -> None:
    """Not only before the next request: there may be none."""
    cancelled = world.signal()

    def handler(request: Any) -> Any:
        number = 0
        try:
            while not request.is_cancelled:
                yield query_of({"PatientID": str(number)})
                number += 1
        finally:
            # It sees so itself, or is closed by who sees it first.
            cancelled.set()

    client = await joined(world, answering("find", handler), services=["echo", "find"])
    assert len(await listed(client.find(STUDY, limit=3))) == 3
    await cancelled.wait()
    assert (await done(client.echo())).is_success


@pytest.mark.parametrize(("taken", "way"), [(0, "closed"), (1, "closed"), (3, "closed"), (1, "dropped")])
async def test_left_early_the_association_goes_on(world: World, taken: int, way: str) -> None:
    client = await finding(world, 30)
    matches = client.find(STUDY)
    for _ in range(taken):
        assert await advance(matches) is not None
    if way == "closed":
        await leave(matches)
        assert await advance(matches) is None
    del matches
    gc.collect()
    assert len(await listed(client.find(STUDY))) == 30


async def test_a_match_that_cannot_be_decoded_loses_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    broken = reply(1, 0x0020, PENDING, data=b"\xff" * 8)
    good = reply(1, 0x0020, PENDING, data=MATCH)
    client, _ = await scripted(world, good, broken, good, reply(1, 0x0020, 0))
    matches = await listed(client.find(STUDY))
    assert [match.PatientName for match in matches] == ["A", "A"]
    assert "cannot be decoded" in caplog.text


async def test_a_warning_at_the_end_is_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """0xB001: what came came."""
    client, _ = await scripted(world, reply(1, 0x0020, PENDING, data=MATCH), reply(1, 0x0020, 0xB001))
    assert len(await listed(client.find(STUDY))) == 1
    assert "the matches may not be all: 0xB001" in caplog.text


async def test_matches_with_a_warning_about_optional_keys_are_matches(world: World) -> None:
    """0xFF01 (PS3.4 C.4.1.1.4)."""
    client, _ = await scripted(world, reply(1, 0x0020, 0xFF01, data=MATCH), reply(1, 0x0020, 0))
    assert len(await listed(client.find(STUDY))) == 1


async def test_a_peer_that_stops_by_itself_is_told_behind_its_matches(world: World) -> None:
    client, _ = await scripted(world, reply(1, 0x0020, PENDING, data=MATCH), reply(1, 0x0020, 0xFE00))
    matches = client.find(STUDY)
    assert await advance(matches)
    with pytest.raises(ServiceFailed, match="nobody cancelled") as failed:
        await advance(matches)
    assert failed.value.status.is_cancel
    assert await advance(matches) is None


@pytest.mark.parametrize("status", [0xA700, 0xA900, 0xC123, 0x0122, 0x1234])
async def test_a_failure_is_raised_behind_the_matches(world: World, status: int) -> None:
    """A code that no category has is one, too: nobody knows what it means."""
    client, _ = await scripted(world, reply(1, 0x0020, PENDING, data=MATCH), reply(1, 0x0020, status))
    matches = client.find(STUDY)
    assert await advance(matches)
    with pytest.raises(ServiceFailed) as failed:
        await advance(matches)
    assert (failed.value.status, failed.value.operation) == (status, "C-FIND")
    assert await advance(matches) is None


async def test_the_end_of_the_association_is_raised(world: World) -> None:
    client, job = await scripted(world, reply(1, 0x0020, PENDING, data=MATCH))
    matches = client.find(STUDY)
    assert await advance(matches)
    await (await job.result()).close()
    with pytest.raises(ConnectionLost):
        await advance(matches)
    assert await advance(matches) is None


async def test_a_peer_that_is_silent_is_given_up(world: World) -> None:
    client, _ = await scripted(
        world, reply(1, 0x0020, PENDING, data=MATCH), timeouts=Timeouts(response=0.1, close=0.02)
    )
    matches = client.find(STUDY)
    assert await advance(matches)
    with pytest.raises(ConnectionLost, match=r"timed out waiting for a response.*Timeouts\(response"):
        await advance(matches)


# -- pages ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("size", "options", "lengths"),
    [(2, {}, [2, 2, 1]), (5, {}, [5]), (9, {}, [5]), (1, {"limit": 2}, [1, 1]), (2, {"limit": 3}, [2, 1])],
)
async def test_pages_are_full_but_for_the_last(world: World, size: int, options: Any, lengths: list[int]) -> None:
    client = await finding(world)
    pages = await listed(client.find_pages(STUDY, size, **options))
    assert [len(page) for page in pages] == lengths


async def test_no_match_is_no_page(world: World) -> None:
    client = await finding(world, 0)
    assert await listed(client.find_pages(STUDY, 3)) == []


async def test_a_page_without_a_match_is_refused(world: World) -> None:
    client = await finding(world)
    with pytest.raises(ValueError, match="at least one match"):
        await listed(client.find_pages(STUDY, 0))


async def test_no_page_is_read_before_it_is_asked_for(world: World) -> None:
    client = await finding(world)
    pages = client.find_pages(STUDY, 2)
    assert identifiers(await advance(pages)) == ["0", "1"]
    await leave(pages)
    assert await advance(pages) is None
    assert (await done(client.echo())).is_success


async def test_what_came_before_a_failure_is_a_page(world: World) -> None:
    """It is told with the next one, so that no match is lost."""
    good = reply(1, 0x0020, PENDING, data=MATCH)
    client, _ = await scripted(world, good, good, good, reply(1, 0x0020, 0xA700))
    pages = client.find_pages(STUDY, 2)
    assert len(await advance(pages)) == 2
    assert len(await advance(pages)) == 1
    with pytest.raises(ServiceFailed):
        await advance(pages)
    assert await advance(pages) is None


# -- models --------------------------------------------------------------------------------------------------------
async def asked_on(world: World, query: Any, supported: list[str], **options: Any) -> str:
    """The model that a query went to."""
    asked: list[str] = []

    def handler(request: Any) -> list[Dataset]:
        asked.append(request.sop_class_uid)
        return []

    client = await joined(world, answering("find", handler, classes=supported))
    verb = client.worklist if options.pop("worklist", False) else client.find
    assert await listed(verb(query, **options)) == []
    return asked[0]


STUDIES, PATIENTS = STUDY_ROOT + FIND, PATIENT_ROOT + FIND


@pytest.mark.parametrize(
    ("query", "supported", "options", "model"),
    [
        (STUDY, [STUDIES, PATIENTS], {}, STUDIES),
        (STUDY, [PATIENTS], {}, PATIENTS),
        (STUDY, [STUDIES, PATIENTS], {"model": PATIENTS}, PATIENTS),
        ({"QueryRetrieveLevel": "PATIENT"}, [STUDIES, PATIENTS], {}, PATIENTS),
        ({"ScheduledProcedureStepSequence": {"Modality": "CT"}}, [STUDIES, WORKLIST], {}, WORKLIST),
        ({"PatientName": "*"}, [STUDIES, WORKLIST], {"worklist": True}, WORKLIST),
    ],
)
async def test_the_model_fits_the_query(
    world: World, query: Any, supported: list[str], options: dict[str, Any], model: str
) -> None:
    assert await asked_on(world, query, supported, **options) == model


async def test_a_model_that_was_not_accepted_is_refused(world: World) -> None:
    client = await finding(world)
    with pytest.raises(Refused, match="Worklist"):
        await listed(client.worklist({"PatientName": "*"}))
    assert len(await listed(client.find(STUDY))) == 5


async def test_the_priority_is_sent(world: World) -> None:
    sent: list[int] = []

    def look(event: evt.Event) -> None:
        if type(event.message).__name__ == "C_FIND_RQ":
            sent.append(event.message.command_set.Priority)

    client = await finding(world, handlers=[(evt.EVT_DIMSE_SENT, look)])
    await listed(client.find(STUDY, priority="low"))
    assert sent == [2]
    with pytest.raises(ValueError, match="priority"):
        await listed(client.find(STUDY, priority="quick"))


async def test_umlauts_come_and_go(world: World) -> None:
    asked: list[str] = []

    def handler(request: Any) -> list[Dataset]:
        asked.append(str(request.identifier.PatientName))
        return [query_of({"PatientName": "Müller^Jörg"})]

    client = await joined(world, answering("find", handler))
    [match] = await listed(client.find({"QueryRetrieveLevel": "STUDY", "PatientName": "Mü*"}))
    assert asked == ["Mü*"]
    assert str(match.PatientName) == "Müller^Jörg"


async def test_a_failure_of_the_handler_is_its_status(world: World) -> None:
    def handler(request: Any) -> Any:
        yield query_of({"PatientID": "1"})
        raise ServiceFailed(Status(0xA700, "later"))

    client = await joined(world, answering("find", handler))
    matches = client.find(STUDY)
    assert await advance(matches)
    with pytest.raises(ServiceFailed, match="later"):
        await advance(matches)
