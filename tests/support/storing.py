"""Instances to store, and who keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from dicomwire import build_context, evt
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, World
from tests.support.data_sets import fill

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.50"


def instance(transfer_syntax: str = IMPLICIT, **elements: Any) -> Dataset:
    """A CT image that is none, but enough to be stored."""
    dataset = Dataset()
    dataset.SOPClassUID = CT_IMAGE_STORAGE
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.PatientName = "Test^Patient"
    dataset.Rows = 258
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    fill(dataset, elements)
    return dataset


def save(dataset: Dataset, path: Path) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path


class Store:
    """A C-STORE handler that keeps what it gets."""

    def __init__(self, status: Any = 0x0000) -> None:
        self.status = status
        self.data: list[bytes] = []
        self.requests: list[Any] = []
        self.syntaxes: list[str] = []

    def __call__(self, event: evt.Event) -> Any:
        self.data.append(event.encoded_dataset(include_meta=False))
        self.requests.append(event.request)
        self.syntaxes.append(event.context.transfer_syntax)
        return self.status

    @property
    def bindings(self) -> list[Any]:
        return [(evt.EVT_C_STORE, self)]


def storage(*transfer_syntaxes: str) -> list[Any]:
    return [build_context(CT_IMAGE_STORAGE, list(transfer_syntaxes)), build_context(VERIFICATION)]


async def storing(world: World, store: Store, *transfer_syntaxes: str) -> Any:
    contexts = storage(*transfer_syntaxes)
    server = await world.serve(store.bindings, contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    assert association.is_established
    return association


def large_instance() -> Dataset:
    dataset = instance(EXPLICIT)
    dataset.PixelData = bytes(range(256)) * 4096
    dataset["PixelData"].VR = "OW"
    return dataset
