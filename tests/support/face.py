"""Clients and services of ``connect`` and ``serve``, the same for every adapter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydicom.dataset import Dataset

from dicomwire import Service, Status
from tests.support.adapters import CT_IMAGE_STORAGE, World, done
from tests.support.storing import instance

STUDY = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.2.3"}
MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"


async def listed(items: Any) -> list[Any]:
    """All that an iterator of a client gives."""
    return [item async for item in items] if hasattr(items, "__anext__") else list(items)


async def advance(items: Any) -> Any:
    """The next one; None behind the last."""
    return await anext(items, None) if hasattr(items, "__anext__") else next(items, None)


async def leave(items: Any) -> None:
    """Take no more."""
    await done(items.aclose() if hasattr(items, "aclose") else items.close())


def numbered(count: int, **elements: Any) -> list[Dataset]:
    """So many instances, whose UIDs end in their numbers."""
    return [instance(SOPInstanceUID=f"1.2.3.{number}", **elements) for number in range(count)]


def answering(kind: str, handler: Callable[[Any], Any], **registered: Any) -> Service:
    """A service with one handler."""
    service = Service()
    decorator = getattr(service, kind)
    (decorator(**registered) if registered else decorator)(handler)
    return service


async def joined(world: World, *services: Service, **options: Any) -> Any:
    """A client of a new server that has these services; ``options`` are of ``connect``."""
    return await world.client(await world.provide(*services), **options)


class Kept:
    """A handler of C-STORE that keeps requests, and gives one status after the other, then Success."""

    def __init__(self, *statuses: Any) -> None:
        self.statuses = list(statuses)
        self.uids: list[str] = []
        self.requests: list[Any] = []

    def __call__(self, request: Any) -> Status:
        self.requests.append(request)
        self.uids.append(request.sop_instance_uid)
        status = self.statuses.pop(0) if self.statuses else Status.SUCCESS
        if isinstance(status, Exception):
            raise status
        assert isinstance(status, Status)
        return status


def giving(*instances: Any) -> Service:
    """A service that gives instances to whoever asks with C-GET."""
    return answering("get", lambda request: list(instances))


def gets_ct() -> dict[str, Any]:
    """Options of a client that asks for CT images with C-GET, and proposes nothing else."""
    from dicomwire import build_context, build_role

    return {
        "contexts": [build_context(CT_IMAGE_STORAGE), build_context("1.2.840.10008.1.1")],
        "negotiation": [build_role(CT_IMAGE_STORAGE, scp_role=True)],
    }
