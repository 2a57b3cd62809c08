"""Service classes of the user's own: ``SCP`` overridden, registered with ``register_uid``."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire import build_context, evt, register_uid
from dicomwire.dimse_primitives import C_ECHO, N_GET
from dicomwire.service_class import ServiceClass, StorageServiceClass
from dicomwire.status import code_to_status
from tests.support.adapters import VERIFICATION, World, done
from tests.support.storing import Store, instance

OWN = "1.2.3.4.5.6.1"
BROKEN = "1.2.3.4.5.6.3"
OWN_STORAGE = "1.2.3.4.5.6.2"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"


class Answering(ServiceClass):
    """Answers every N-GET itself."""

    def SCP(self, req: Any, context: Any) -> Any:
        response = N_GET()
        response.MessageIDBeingRespondedTo = req.MessageID
        self.validate_status(0xC123, response)
        return self.dimse.send_msg(response, context.context_id)


class Broken(ServiceClass):
    """Raises, before or after it has answered."""

    answers = False

    async def SCP(self, req: Any, context: Any) -> Any:
        if Broken.answers:
            response = N_GET()
            response.MessageIDBeingRespondedTo = req.MessageID
            response.Status = 0xC123
            assert self.is_valid_status(0x0110) and not self.is_cancelled(req.MessageID)
            await done(self.dimse.send_msg(response, context.context_id))
        raise ValueError("no")


class Counting(StorageServiceClass):
    """Counts, and leaves the rest to the library."""

    seen = 0

    def SCP(self, req: Any, context: Any) -> Any:
        Counting.seen += 1
        return super().SCP(req, context)


async def test_an_own_service_answers_for_itself(world: World) -> None:
    register_uid(OWN, "OwnService", Answering)
    server = await world.serve(contexts=[build_context(OWN)])
    association = await world.associate(server, contexts=[build_context(OWN)])
    status, attributes = await done(association.send_n_get([], OWN, "1.2.3"))
    assert (status.Status, attributes) == (0xC123, None)
    await done(association.release())


@pytest.mark.parametrize(("answers", "code"), [(False, 0x0110), (True, 0xC123)])
async def test_an_own_service_that_raises_is_answered_for(world: World, answers: bool, code: int) -> None:
    register_uid(BROKEN, "BrokenService", Broken)
    Broken.answers = answers
    contexts = [build_context(BROKEN), build_context(VERIFICATION)]
    server = await world.serve(contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    status, _ = await done(association.send_n_get([], BROKEN, "1.2.3"))
    assert status.Status == code
    assert (await done(association.send_c_echo(msg_id=2))).Status == 0
    await done(association.release())


async def test_an_own_service_may_leave_the_work_to_the_library(world: World) -> None:
    register_uid(OWN_STORAGE, "OwnStorage", Counting)
    store, before = Store(), Counting.seen
    server = await world.serve(store.bindings, contexts=[build_context(OWN_STORAGE)])
    association = await world.associate(server, contexts=[build_context(OWN_STORAGE)])
    status = await done(association.send_c_store(instance(SOPClassUID=OWN_STORAGE)))
    assert status.Status == 0
    assert Counting.seen == before + 1
    assert len(store.data) == 1
    await done(association.release())


@pytest.mark.parametrize(
    ("status", "code"), [(0x0107, 0x0107), (code_to_status(0xB000), 0xB000), (None, 0xC002), ("x", 0xC002)]
)
def test_a_status_is_put_into_a_response(status: Any, code: int) -> None:
    response = C_ECHO()
    assert ServiceClass(None).validate_status(status, response) is response
    assert response.Status == code


@pytest.mark.parametrize("in_threads", [True, False])
async def test_a_handler_may_ask_from_any_thread_whether_it_is_cancelled(loop_world: World, in_threads: bool) -> None:
    entity = loop_world.ae("SERVER")
    entity.handlers_in_threads = in_threads
    asked: list[bool] = []

    def find(event: evt.Event) -> list[Any]:
        asked.append(event.is_cancelled)
        return []

    contexts = [build_context(STUDY_ROOT_FIND)]
    server = await loop_world.serve([(evt.EVT_C_FIND, find)], ae=entity, contexts=contexts)
    association = await loop_world.associate(server, contexts=contexts)
    responses = [item async for item in await association.send_c_find(instance(), STUDY_ROOT_FIND)]
    assert [status.Status for status, _ in responses] == [0]
    assert asked == [False]
    await done(association.release())
