"""A query of an archive that gives instances to a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from dicomwire import build_context, evt
from dicomwire.presentation import PresentationContext
from dicomwire.retrieval import Retrieved
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, World, done, port_of

GET, MOVE = "1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.2.2.2"
MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"


def query() -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = "1.2.3"
    return identifier


def granting(*uids: str) -> list[PresentationContext]:
    """Supported contexts that grant both roles, and the query models."""
    contexts = [build_context(uid) for uid in uids]
    for context in contexts:
        context.scu_role = context.scp_role = True
    return [*contexts, build_context(GET), build_context(MOVE)]


async def archive(world: World, handler: Any, *uids: str, event: Any = evt.EVT_C_GET, more: Any = ()) -> Any:
    contexts = granting(*(uids or (CT_IMAGE_STORAGE, MR_IMAGE_STORAGE)))
    return await world.serve([(event, handler), *more], contexts=contexts)


async def get(world: World, server: Any, folder: Path, ae: Any = None, **options: Any) -> Retrieved:
    entity = ae if ae is not None else world.ae("CLIENT")
    result: Retrieved = await done(entity.get_to_folder(LOCALHOST, port_of(server), query(), folder, **options))
    return result
