"""C-FIND: matches, handlers that give them, and responses as lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

from dicomwire import build_context, evt
from dicomwire.dsutils import encode
from tests.support.adapters import VERIFICATION, World, done

FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def match(name: str = "A") -> Dataset:
    dataset = Dataset()
    dataset.PatientName = name
    return dataset


def unencodable() -> Dataset:
    dataset = Dataset()
    dataset.Rows = 1
    dataset["Rows"]._value = "no number"
    return dataset


async def collect(responses: Any) -> list[tuple[Any, Any]]:
    """All responses: the status, None if it is empty, and the identifier."""
    return [(status.get("Status"), identifier) for status, identifier in await done_all(responses)]


async def done_all(responses: Any) -> list[tuple[Any, Any]]:
    responses = await done(responses)
    return [item async for item in responses] if hasattr(responses, "__anext__") else list(responses)


async def advance(responses: Any) -> Any:
    """The next response; None behind the last."""
    return await anext(responses, None) if hasattr(responses, "__anext__") else next(responses, None)


async def joined(world: World, handler: Any, *models: str, **options: Any) -> Any:
    contexts = [build_context(model) for model in (*(models or (FIND,)), VERIFICATION)]
    handlers = [] if handler is None else [(evt.EVT_C_FIND, handler)]
    server = await world.serve(handlers, contexts=contexts)
    association = await world.associate(server, contexts=contexts, **options)
    assert association.is_established
    return association


def yielding(*values: Any) -> Any:
    def handler(event: evt.Event) -> Iterator[Any]:
        for value in values:
            if isinstance(value, Exception):
                raise value
            yield value

    return handler


def raising(event: evt.Event) -> None:
    raise ValueError("no")


EMPTY = Dataset()
MATCH = encode(match("A"), True, True) or b""
