"""Associations with an asynchronous operations window."""

from __future__ import annotations

from typing import Any

from dicomwire import build_context
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, World
from tests.support.storing import instance

CONTEXTS = [build_context(CT_IMAGE_STORAGE), build_context(VERIFICATION)]


def numbered(count: int) -> list[Any]:
    return [instance(SOPInstanceUID=f"1.2.3.{number}") for number in range(count)]


async def windowed(world: World, handlers: list[Any], ours: tuple[int, int], theirs: tuple[int, int]) -> Any:
    server_ae, client_ae = world.ae("SERVER"), world.ae("CLIENT")
    server_ae.asynchronous_operations, client_ae.asynchronous_operations = theirs, ours
    server = await world.serve(handlers, ae=server_ae, contexts=CONTEXTS)
    return await world.associate(server, ae=client_ae, contexts=CONTEXTS)
