"""``_config.PASS_CONTEXTVARS``: handlers see the context variables of who called ``associate`` or ``start_server``."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import pytest

from dicomwire import _config, build_context, evt
from tests.ae.test_window import collect, numbered
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, World, done

VARIABLE: ContextVar[str] = ContextVar("VARIABLE", default="default")


@pytest.mark.parametrize("passed", [True, False])
@pytest.mark.parametrize("window", [1, 3])
async def test_handlers_of_a_server_see_the_variables_of_who_started_it(
    world: World, passed: bool, window: int
) -> None:
    _config.PASS_CONTEXTVARS = passed
    seen: list[str] = []

    def handler(event: evt.Event) -> int:
        seen.append(VARIABLE.get())
        return 0x0000

    VARIABLE.set("of the server")
    server_ae, client_ae = world.ae("SERVER"), world.ae("CLIENT")
    server_ae.asynchronous_operations = client_ae.asynchronous_operations = (window, window)
    contexts = [build_context(CT_IMAGE_STORAGE), build_context(VERIFICATION)]
    handlers = [(evt.EVT_C_ECHO, handler), (evt.EVT_C_STORE, handler), (evt.EVT_ESTABLISHED, handler)]
    server = await world.serve(handlers, ae=server_ae, contexts=contexts)
    VARIABLE.set("changed later")
    association = await world.associate(server, ae=client_ae, contexts=contexts)
    assert (await done(association.send_c_echo())).Status == 0
    assert len(await collect(association.send_c_store_many(numbered(3)))) == 3
    await done(association.release())
    # All in one thread and without tasks of a loop, the memory adapter has nothing to pass them with.
    expected = {"blocking": "of the server" if passed else "default", "memory": None}.get(world.name, "of the server")
    if expected is not None:
        assert set(seen) == {expected}


@pytest.mark.parametrize("passed", [True, False])
async def test_handlers_of_a_requestor_see_the_variables_of_who_associated(socket_world: World, passed: bool) -> None:
    """Also of what the peer asks for while nobody calls."""
    _config.PASS_CONTEXTVARS = passed
    seen: list[str] = []
    reported = socket_world.signal()
    peers: list[Any] = []

    def report(event: evt.Event) -> Any:
        seen.append(VARIABLE.get())
        reported.set()
        return 0x0000, None

    film = "1.2.840.10008.5.1.1.1"
    contexts = [build_context(film)]
    server = await socket_world.serve(
        [(evt.EVT_ESTABLISHED, lambda event: peers.append(event.assoc))], contexts=contexts
    )
    VARIABLE.set("of the requestor")
    association = await socket_world.associate(
        server, contexts=contexts, evt_handlers=[(evt.EVT_N_EVENT_REPORT, report)]
    )
    async with socket_world.using(association):
        await socket_world.until(lambda: peers)
        job = socket_world.start(lambda: done(peers[0].send_n_event_report(None, 1, film, "1.2.3")))
        await reported.wait()
        assert (await job.result())[0].Status == 0
    assert seen == ["default" if socket_world.name == "blocking" and not passed else "of the requestor"]
