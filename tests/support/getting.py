"""C-GET: instances, handlers that send them, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

from dicomwire import build_context, build_role, evt
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, World, done
from tests.support.scripted import ask, hear, offering
from tests.support.sessions import us
from tests.support.storing import Store, instance

GET = "1.2.840.10008.5.1.4.1.2.2.3"
COMMITMENT = "1.2.840.10008.1.20.1"
MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"

Outcome = tuple[int | None, tuple[int | None, ...], list[str] | None]
"""A status, how many sub-operations remain, are completed, failed and gave a warning, and which failed."""
PENDING = 0xFF00
NONE_AT_ALL = (None, None, None, None)


def uid(number: int) -> str:
    return f"1.2.3.{number}"


def image(number: int = 0, **elements: Any) -> Dataset:
    return instance(SOPInstanceUID=uid(number), **elements)


def failures(*uids: str) -> Dataset:
    dataset = Dataset()
    dataset.FailedSOPInstanceUIDList = list(uids)
    return dataset


def outcome(status: Dataset, identifier: Dataset | None) -> Outcome:
    counters = tuple(
        status.get(f"NumberOf{kind}Suboperations") for kind in ("Remaining", "Completed", "Failed", "Warning")
    )
    failed = None if identifier is None else identifier.get("FailedSOPInstanceUIDList", [])
    return status.get("Status"), counters, [failed] if isinstance(failed, str) else failed


async def collect(responses: Any) -> list[Outcome]:
    responses = await done(responses)
    items = [item async for item in responses] if hasattr(responses, "__anext__") else list(responses)
    return [outcome(status, identifier) for status, identifier in items]


class Statuses(Store):
    """A C-STORE handler that answers one after another of its statuses, then success."""

    def __init__(self, *statuses: Any) -> None:
        super().__init__()
        self.statuses = list(statuses)

    def __call__(self, event: evt.Event) -> Any:
        super().__call__(event)
        status = self.statuses.pop(0) if self.statuses else 0x0000
        if isinstance(status, Exception):
            raise status
        return status


async def getting(
    world: World,
    handler: Any,
    store: Any = None,
    *,
    model: str = GET,
    handlers: Any = (),
    ae: Any = None,
    client_ae: Any = None,
) -> Any:
    """An association whose acceptor may store CT images on it."""
    offered = [build_context(uid) for uid in (model, CT_IMAGE_STORAGE, VERIFICATION)]
    supported = [build_context(uid) for uid in (model, CT_IMAGE_STORAGE, VERIFICATION)]
    supported[1].scu_role = supported[1].scp_role = True
    bound = [] if handler is None else [(evt.EVT_C_GET, handler)]
    server = await world.serve([*bound, *handlers], contexts=supported, ae=ae)
    association = await world.associate(
        server,
        ae=client_ae,
        contexts=offered,
        ext_neg=[build_role(CT_IMAGE_STORAGE, scu_role=True, scp_role=True)],
        evt_handlers=[] if store is None else [(evt.EVT_C_STORE, store)],
    )
    assert association.is_established
    return association


def sending(*values: Any) -> Any:
    """A handler that yields the number, which is the first of ``values`` that is no tuple; then Pending with each.

    Tuples are yielded as they are.
    """

    def handler(event: evt.Event) -> Iterator[Any]:
        began = False
        for value in values:
            if isinstance(value, Exception):
                raise value
            yield value if isinstance(value, tuple) or not began else (PENDING, value)
            began = began or not isinstance(value, tuple)

    return handler


OK, WARN, FAIL = 0x0000, 0xB000, 0xA700
A, B, C = image(0), image(1), image(2)
MR = instance(SOPClassUID=MR_IMAGE_STORAGE, SOPInstanceUID=uid(9))


class Endless:
    """A C-GET handler that never ends by itself, and tells when it is closed."""

    def __init__(self, world: World) -> None:
        self.closed = world.signal()
        self.steps = 0

    def __call__(self, event: evt.Event) -> Iterator[Any]:
        try:
            yield 100
            while True:
                self.steps += 1
                yield PENDING, image(self.steps)
        finally:
            self.closed.set()


CONTEXTS = (GET, CT_IMAGE_STORAGE, VERIFICATION)
ROLES = {CT_IMAGE_STORAGE: (True, True)}
GET_RQ = ask(1, 0x0010, GET, us(0x0700, 0), message_id=7, data=b"")


async def retrieving(world: World, handler: Any, handlers: Any = (), *more: str, ae: Any = None) -> Any:
    """A scripted requestor to which the first C-STORE request has come."""
    supported = [build_context(uid) for uid in (*CONTEXTS, *more)]
    supported[1].scu_role = supported[1].scp_role = True
    server = await world.serve([(evt.EVT_C_GET, handler), *handlers], contexts=supported, ae=ae)
    peer = await offering(world, server, *CONTEXTS, *more, roles=ROLES)
    await peer.send(GET_RQ)
    said = await hear(peer)
    assert (said.context_id, said.field, said.command.MessageID) == (3, 0x0001, 8)
    return peer
