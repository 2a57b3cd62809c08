"""What the verbs of every adapter are to type checkers: mypy and pyright check this file, nothing runs it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, assert_type

import trio
from pydicom.dataset import Dataset

from dicomwire import AE, Association, build_context, contexts_for, evt
from dicomwire.associations.response_streams import Stream
from dicomwire.asyncio import AE as AsyncioAE, Association as AsyncioAssociation, AssociationServer as AsyncioServer
from dicomwire.blocking import Responses
from dicomwire.memory import AE as MemoryAE, Association as MemoryAssociation, Server as MemoryServer
from dicomwire.presentation import PresentationContext
from dicomwire.retrieval import Progress, Retrieved
from dicomwire.transport import AssociationServer, ThreadedAssociationServer
from dicomwire.trio import AE as TrioAE, Association as TrioAssociation, AssociationServer as TrioServer

Pair = tuple[Dataset, Dataset | None]
"""A status and an identifier, or what an N-service replied."""

MODEL = "1.2.840.10008.5.1.4.1.2.2.1"


def blocking_verbs_return(assoc: Association, ds: Dataset, path: Path) -> None:
    assert_type(assoc.send_c_echo(), Dataset)
    assert_type(assoc.send_c_echo(msg_id=2), Dataset)
    assert_type(assoc.send_c_store(ds), Dataset)
    assert_type(assoc.send_c_store(path, priority=1, originator_aet="A", originator_id=1), Dataset)
    assert_type(assoc.send_c_store_many([path, path]), Responses[tuple[Path, Dataset]])
    assert_type(assoc.send_c_find(ds, MODEL), Responses[Pair])
    assert_type(assoc.send_c_get(ds, MODEL), Responses[Pair])
    assert_type(assoc.send_c_move(ds, "DEST", MODEL), Responses[Pair])
    for status, identifier in assoc.send_c_find(ds, query_model=MODEL, msg_id=7, priority=0):
        assert_type(status, Dataset)
        assert_type(identifier, Dataset | None)
    assert_type(assoc.send_n_action(ds, 1, "1.2", "1.3"), Pair)
    assert_type(assoc.send_n_create(None, "1.2"), Pair)
    assert_type(assoc.send_n_delete("1.2", "1.3", meta_uid="1.4"), Dataset)
    assert_type(assoc.send_n_event_report(ds, 1, "1.2", "1.3"), Pair)
    assert_type(assoc.send_n_get([(0x0010, 0x0010)], "1.2", "1.3"), Pair)
    assert_type(assoc.send_n_set(ds, "1.2", "1.3"), Pair)
    assert_type(assoc.is_alive(), bool)
    assert_type(assoc.explain(), str)
    assert_type(assoc.failure, str | None)
    assert_type(assoc.is_established, bool)
    assert_type(assoc.accepted_contexts, list[PresentationContext])
    with assoc as entered:
        assert_type(entered, Association)


def blocking_entities_return(ae: AE, ds: Dataset, handlers: list[evt.EventHandler], flag: bool) -> None:
    assert_type(ae.associate("host", 104, evt_handlers=handlers), Association)
    assert_type(ae.get_to_folder("host", 104, ds, "folder"), Retrieved)
    assert_type(ae.move_to_folder("host", 104, ds, Path(), listen_on=("", 104)), Retrieved)
    assert_type(ae.start_server(("", 104), block=False), ThreadedAssociationServer)
    assert_type(ae.start_server(("", 104), False), ThreadedAssociationServer)
    assert_type(ae.start_server(("", 104), block=flag), ThreadedAssociationServer | None)
    with ae.start_server(("::", 104, 0, 0), block=False, contexts=contexts_for("file")) as server:
        assert_type(server, ThreadedAssociationServer)
        assert_type(server.active_associations, list[Association])
        server.shutdown()
    assert_type(ae.make_server(("", 104)), AssociationServer)
    assert_type(ae.make_server(("", 104), server_class=OwnServer, extra=1), OwnServer)
    assert_type(ae.make_server(("", 104), "TITLE", None, None, None, OwnServer), OwnServer)
    # To be called without a value, as a program does that serves for ever.
    ae.start_server(("", 104))
    ae.start_server(("", 104), block=True, ssl_context=ssl.create_default_context())


class OwnServer(AssociationServer):
    """One with an argument more."""

    def __init__(self, *args: Any, extra: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.extra = extra


Awaited = AsyncioAssociation | TrioAssociation | MemoryAssociation


async def verbs_of_event_loops_are_awaited(assoc: Awaited, ds: Dataset, path: Path) -> None:
    assert_type(await assoc.send_c_echo(), Dataset)
    assert_type(await assoc.send_c_store(path), Dataset)
    assert_type(await assoc.send_c_store_many([path, path]), Stream[tuple[Path, Dataset]])
    assert_type(await assoc.send_c_find(ds, MODEL), Stream[Pair])
    assert_type(await assoc.send_c_get(ds, MODEL), Stream[Pair])
    assert_type(await assoc.send_c_move(ds, "DEST", MODEL), Stream[Pair])
    async for status, identifier in await assoc.send_c_find(ds, query_model=MODEL, msg_id=7, priority=0):
        assert_type(status, Dataset)
        assert_type(identifier, Dataset | None)
    async for status, identifier in assoc.send_c_get(ds, MODEL):
        assert_type(status, Dataset)
        assert_type(identifier, Dataset | None)
    await assoc.send_c_cancel(7, query_model=MODEL)
    assert_type(await assoc.send_n_action(ds, 1, "1.2", "1.3"), Pair)
    assert_type(await assoc.send_n_create(None, "1.2"), Pair)
    assert_type(await assoc.send_n_delete("1.2", "1.3", meta_uid="1.4"), Dataset)
    assert_type(await assoc.send_n_event_report(ds, 1, "1.2", "1.3"), Pair)
    assert_type(await assoc.send_n_get([(0x0010, 0x0010)], "1.2", "1.3"), Pair)
    assert_type(await assoc.send_n_set(ds, "1.2", "1.3"), Pair)
    await assoc.release()
    await assoc.abort(block=False)
    await assoc.wait_closed()


async def asyncio_entities_are_awaited(ae: AsyncioAE, ds: Dataset, told: Callable[[Progress], None]) -> None:
    assert_type(await ae.associate("host", 104), AsyncioAssociation)
    assert_type(await ae.get_to_folder("host", 104, ds, "folder", progress=told), Retrieved)
    assert_type(await ae.move_to_folder("host", 104, ds, "folder", listen_on=("", 104)), Retrieved)
    assert_type(await ae.start_server(("", 104), block=False), AsyncioServer)
    async with await ae.start_server(("", 104), block=False) as server:
        assert_type(server, AsyncioServer)
        assert_type(server.active_associations, list[AsyncioAssociation])
        async with await ae.associate("host", 104) as assoc:
            assert_type(assoc, AsyncioAssociation)
    async with ae.start_server(("", 104)) as server, ae.associate("host", 104) as assoc:
        assert_type(server, AsyncioServer)
        assert_type(assoc, AsyncioAssociation)
    await ae.shutdown()


async def trio_entities_are_awaited(ae: TrioAE, ds: Dataset, told: Callable[[Progress], None]) -> None:
    assert_type(await ae.associate("host", 104), TrioAssociation)
    assert_type(await ae.get_to_folder("host", 104, ds, "folder", progress=told), Retrieved)
    assert_type(await ae.move_to_folder("host", 104, ds, "folder", listen_on=("", 104)), Retrieved)
    async with await ae.start_server(("", 104), block=False) as server:
        assert_type(server, TrioServer)
        assert_type(server.active_associations, list[TrioAssociation])
        async with await ae.associate("host", 104) as assoc:
            assert_type(assoc, TrioAssociation)
    async with trio.open_nursery() as nursery:
        await nursery.start(ae.start_server, ("", 104))
    await ae.shutdown()


async def memory_entities_are_awaited(ae: MemoryAE, ds: Dataset) -> None:
    assert_type(await ae.associate("host", 104), MemoryAssociation)
    assert_type(await ae.get_to_folder("host", 104, ds, "folder"), Retrieved)
    async with await ae.start_server(("", 104), block=False) as server:
        assert_type(server, MemoryServer)
    await ae.shutdown()


def handlers_are_given_events(event: evt.Event) -> int:
    assert_type(event.dataset, Dataset)
    assert_type(event.identifier, Dataset)
    assert_type(event.dataset_path, Path | None)
    assert_type(event.encoded_dataset(), bytes)
    assert_type(event.is_cancelled, bool)
    assert_type(event.message_id, int)
    assert_type(event.context.context_id, int)
    return 0x0000


def contexts_are_lists(ae: AE) -> None:
    assert_type(ae.requested_contexts, list[PresentationContext])
    assert_type(ae.supported_contexts, list[PresentationContext])
    assert_type(contexts_for(["a", Path("b")], recurse=True), list[PresentationContext])
    ae.requested_contexts = [build_context("1.2")]
    ae.supported_contexts = contexts_for(Path())
