"""What ``connect``, ``serve`` and the verbs of every client are to type checkers: nothing runs this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import trio
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from dicomwire import (
    ActionRequest,
    Client,
    CreateRequest,
    DeleteRequest,
    EchoRequest,
    EventReport,
    FindRequest,
    GetAttributesRequest,
    MoveRequest,
    ReceivedInstance,
    Reply,
    Service,
    SetRequest,
    Status,
    StatusCategory,
    Stored,
    StoreRequest,
    connect,
    evt,
    serve,
)
from dicomwire.associations.response_streams import Stream
from dicomwire.asyncio import (
    AssociationServer as AsyncioServer,
    Client as AsyncioClient,
    connect as asyncio_connect,
    serve as asyncio_serve,
)
from dicomwire.blocking import Responses
from dicomwire.memory import (
    Client as MemoryClient,
    Network,
    Server as MemoryServer,
    connect as memory_connect,
    serve as memory_serve,
)
from dicomwire.retrieval import Progress, Retrieved
from dicomwire.transport import ThreadedAssociationServer
from dicomwire.trio import (
    AssociationServer as TrioServer,
    Client as TrioClient,
    connect as trio_connect,
    serve as trio_serve,
)

MODEL = "1.2.840.10008.5.1.4.1.2.2.1"
PRINTER = "1.2.840.10008.5.1.1.16"


def a_blocking_client_is_opened(service: Service) -> None:
    assert_type(connect("host", 104), Client)
    assert_type(connect("unix:/run/pacs", to="PACS", title="ME", services="echo", files="folder"), Client)
    with connect("host", 104, contexts=["1.2"], services=["find", "get"], negotiation=[], max_pdu=0) as peer:
        assert_type(peer, Client)
    with serve(("", 104), service, Service(), title="ME", maximum_associations=5) as server:
        assert_type(server, ThreadedAssociationServer)
    serve("/run/pacs", service, handlers=[(evt.EVT_ABORTED, print), evt.on(evt.EVT_ABORTED, print)])


def blocking_verbs_give(peer: Client, query: Dataset, path: Path) -> None:
    assert_type(peer.echo(), Status)
    assert_type(peer.store(query), Status)
    assert_type(peer.store(path, priority="high"), Status)
    assert_type(peer.store(b""), Status)
    assert_type(peer.store_many([path]), Responses[Stored[Path]])
    assert_type(peer.find(query), Responses[Dataset])
    assert_type(peer.find({"PatientID": "1"}, model=MODEL, limit=3, priority="low"), Responses[Dataset])
    assert_type(peer.find_pages(query, 10), Responses[list[Dataset]])
    assert_type(peer.worklist(query, limit=1), Responses[Dataset])
    assert_type(peer.get(query), Responses[ReceivedInstance])
    assert_type(peer.get_into(path, query), Retrieved)
    assert_type(peer.move(query, "DEST"), Retrieved)
    assert_type(peer.move_into("folder", query, listen_on=("", 104)), Retrieved)
    assert_type(peer.create(PRINTER), Reply)
    assert_type(peer.set(PRINTER, "1.2", query), Reply)
    assert_type(peer.get_attributes(PRINTER, "1.2", ["PatientID", 0x00100010, (0x10, 0x10)]), Reply)
    assert_type(peer.action(PRINTER, "1.2", 1, query, meta_uid="1.3"), Reply)
    assert_type(peer.delete(PRINTER, "1.2"), Status)
    assert_type(peer.report_event(PRINTER, "1.2", 1), Reply)
    for stored in peer.store_many(["a", "b"]):
        assert_type(stored, Stored[str])
    for instance in peer.get(query, model=MODEL):
        assert_type(instance.dataset, Dataset)


Awaited = AsyncioClient | TrioClient | MemoryClient


async def verbs_of_event_loops_give(peer: Awaited, query: Dataset, path: Path) -> None:
    assert_type(await peer.echo(), Status)
    assert_type(await peer.store(path, priority="high"), Status)
    assert_type(await peer.store_many([path]), Stream[Stored[Path]])
    assert_type(await peer.find(query), Stream[Dataset])
    assert_type(await peer.find_pages(query, 10), Stream[list[Dataset]])
    assert_type(await peer.worklist(query), Stream[Dataset])
    assert_type(await peer.get(query), Stream[ReceivedInstance])
    assert_type(await peer.get_into(path, query), Retrieved)
    assert_type(await peer.move(query, "DEST"), Retrieved)
    assert_type(await peer.move_into("folder", query, listen_on=("", 104)), Retrieved)
    assert_type(await peer.create(PRINTER), Reply)
    assert_type(await peer.set(PRINTER, "1.2", query), Reply)
    assert_type(await peer.get_attributes(PRINTER, "1.2"), Reply)
    assert_type(await peer.action(PRINTER, "1.2", 1), Reply)
    assert_type(await peer.delete(PRINTER, "1.2"), Status)
    assert_type(await peer.report_event(PRINTER, "1.2", 1), Reply)


async def what_comes_is_iterated(peer: Awaited, query: Dataset) -> None:
    async for stored in peer.store_many(["a", "b"]):
        assert_type(stored, Stored[str])
    async for match in peer.find(query):
        assert_type(match, Dataset)
    async for page in peer.find_pages(query, 10):
        assert_type(page, list[Dataset])
    async for match in peer.worklist(query):
        assert_type(match, Dataset)
    async for instance in peer.get(query):
        assert_type(instance, ReceivedInstance)


async def asyncio_clients_and_servers_are_opened(service: Service) -> None:
    assert_type(await asyncio_connect("host", 104), AsyncioClient)
    assert_type(await asyncio_serve(("", 104), service), AsyncioServer)
    async with asyncio_serve(("", 104), service) as server, asyncio_connect("host", 104, to="PACS") as peer:
        assert_type(server, AsyncioServer)
        assert_type(peer, AsyncioClient)


async def trio_clients_and_servers_are_opened(service: Service) -> None:
    assert_type(await trio_connect("host", 104), TrioClient)
    async with trio_serve(("", 104), service) as server, trio_connect("host", 104, to="PACS") as peer:
        assert_type(server, TrioServer)
        assert_type(peer, TrioClient)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.echo)


async def memory_clients_and_servers_are_opened(service: Service, network: Network) -> None:
    assert_type(await memory_connect("host", 104, network=network), MemoryClient)
    async with (
        memory_serve(("", 104), service, network=network) as server,
        memory_connect("host", 104, network=network) as peer,
    ):
        assert_type(server, MemoryServer)
        assert_type(peer, MemoryClient)


def results_have(stored: Stored[Path], reply: Reply, retrieved: Retrieved, progress: Progress, status: Status) -> None:
    assert_type(stored.instance, Path)
    assert_type(stored.status, Status | None)
    assert_type(stored.error, Exception | None)
    assert_type(reply.status, Status)
    assert_type(reply.attributes, Dataset)
    assert_type(reply.instance_uid, str | None)
    assert_type(status.category, StatusCategory)
    assert_type(status.because("why"), Status)
    assert_type(retrieved.failure, str | None)
    assert_type(progress.completed, int)


def requests_have(store: StoreRequest, find: FindRequest, move: MoveRequest, get: GetAttributesRequest) -> None:
    assert_type(store.dataset, Dataset)
    assert_type(store.path, Path | None)
    assert_type(store.encoded(), bytes)
    assert_type(store.save("folder"), Path)
    assert_type(store.calling_title, str)
    assert_type(find.identifier, Dataset)
    assert_type(move.destination, str)
    assert_type(get.tags, list[BaseTag])


def requests_about_managed_instances_have(
    create: CreateRequest, change: SetRequest, action: ActionRequest, delete: DeleteRequest, report: EventReport
) -> None:
    assert_type(create.attributes, Dataset)
    assert_type(change.attributes, Dataset)
    assert_type(action.information, Dataset)
    assert_type(action.action_type, int)
    assert_type(delete.sop_instance_uid, str | None)
    assert_type(report.event_number, int)


def requests_are_made_by_hand(dataset: Dataset) -> None:
    assert_type(StoreRequest.made_by_hand(dataset), StoreRequest)
    assert_type(EchoRequest.made_by_hand(), EchoRequest)
    assert_type(FindRequest.made_by_hand({"PatientID": ""}), FindRequest)


def events_of_each_kind_have(
    store: evt.StoreEvent, find: evt.FindEvent, opened: evt.ConnectionOpenEvent, any_event: evt.Event
) -> None:
    assert_type(store.dataset, Dataset)
    assert_type(store.dataset_path, Path | None)
    assert_type(store.message_id, int)
    assert_type(find.identifier, Dataset)
    assert_type(find.is_cancelled, bool)
    assert_type(opened.address, tuple[Any, ...])
    assert_type(any_event.dataset, Dataset)
    assert_type(any_event.address, Any)
    assert_type(any_event.whatever, Any)
    assert_type(evt.on(evt.EVT_ABORTED, print), evt.EventHandler)
