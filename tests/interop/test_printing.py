"""Printing to DCMTK's dcmprscp, and DCMTK's dcmprscu printing with us: N-services without pynetdicom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicomwire import build_context, evt
from tests.support.peers import Command, converse, finished, get, our_server, tool
from tests.support.printing import Printing, dcmprscp

META = "1.2.840.10008.5.1.1.9"
SESSION = "1.2.840.10008.5.1.1.1"
FILM_BOX = "1.2.840.10008.5.1.1.2"
IMAGE_BOX = "1.2.840.10008.5.1.1.4"
PRINTER = "1.2.840.10008.5.1.1.16"
PRINTER_INSTANCE = "1.2.840.10008.5.1.1.17"


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Printing]]:
    with dcmprscp(tmp_path_factory.mktemp("dcmprscp")) as running:
        yield running


def referring(sop_class: str, instance: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = instance
    return item


def picture(size: int = 64) -> Dataset:
    image = Dataset()
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows = image.Columns = size
    image.PixelAspectRatio = ["1", "1"]
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit = 7
    image.PixelRepresentation = 0
    image.PixelData = bytes(range(size)) * size
    image["PixelData"].VR = "OB"
    return image


@frozen
class Session:
    """A film session with one film of four images."""

    results: list[tuple[Dataset, Dataset | None]]
    """Status and data set of each response."""

    files: list[Dataset]
    """What the printer has written for it."""


@pytest.fixture
def film_session(adapter: str, printer: tuple[int, Printing]) -> Session:
    """From the status of the printer to the end of the session."""
    port, printing = printer
    before = set(printing.stored.iterdir())

    async def talk(association: Any) -> list[Any]:
        assert association.is_established, association.failure
        results = [await get(association.send_n_get([0x21100010], PRINTER, PRINTER_INSTANCE, meta_uid=META))]
        session = Dataset()
        session.NumberOfCopies = 1
        results.append(await get(association.send_n_create(session, SESSION, "1.2.3.1", meta_uid=META)))
        # There is one already.
        results.append(await get(association.send_n_create(session, SESSION, "1.2.3.2", meta_uid=META)))
        box = Dataset()
        box.ImageDisplayFormat = "STANDARD\\2,2"
        box.ReferencedFilmSessionSequence = [referring(SESSION, "1.2.3.1")]
        # It chooses the instance UIDs itself where we do not.
        results.append(await get(association.send_n_create(box, FILM_BOX, meta_uid=META)))
        film = results[-1][1]
        assert film is not None
        for number, reference in enumerate(film.ReferencedImageBoxSequence):
            content = Dataset()
            content.ImageBoxPosition = number + 1
            content.BasicGrayscaleImageSequence = [picture(32 + 32 * number)]
            uid = reference.ReferencedSOPInstanceUID
            results.append(await get(association.send_n_set(content, IMAGE_BOX, uid, meta_uid=META)))
        results.append(await get(association.send_n_action(None, 1, SESSION, "1.2.3.1", meta_uid=META)))
        results.append((await get(association.send_n_delete(SESSION, "1.2.3.404", meta_uid=META)), None))
        results.append((await get(association.send_n_delete(SESSION, "1.2.3.1", meta_uid=META)), None))
        return results

    results = converse(adapter, port, talk, contexts=[build_context(META)], called="LOCAL")
    return Session(
        results, [dcmread(path) for path in set(printing.stored.iterdir()) - before if path.suffix == ".dcm"]
    )


def test_dcmprscp_answers_each_request_of_a_film_session(film_session: Session) -> None:
    statuses = [status.Status for status, _ in film_session.results]
    assert statuses == [0x0000, 0x0000, 0x0111, *[0x0000] * 6, 0x0112, 0x0000]


def test_dcmprscp_tells_of_itself_and_of_what_we_make(film_session: Session) -> None:
    status, created, again, film, *positions, printed, unknown, deleted = [
        dataset for _, dataset in film_session.results
    ]
    assert status is not None and created is not None and film is not None
    assert status.PrinterStatus == "NORMAL"
    assert (created.NumberOfCopies, created.OwnerID) == (1, "REQUESTOR")
    assert film.ReferencedFilmSessionSequence[0].ReferencedSOPInstanceUID == "1.2.3.1"
    assert [position and position.ImageBoxPosition for position in positions] == [1, 2, 3, 4]
    assert (again, printed, unknown, deleted) == (None, Dataset(), None, None)


def test_dcmprscp_prints_the_images_that_we_send(film_session: Session) -> None:
    # One print job, and one file for each image.
    images = [dataset for dataset in film_session.files if "PixelData" in dataset]
    assert len(film_session.files) == 5
    assert sorted((image.Rows, image.PixelData) for image in images) == [
        (size, bytes(range(size)) * size) for size in (32, 64, 96, 128)
    ]


@define
class Printer:
    """Handlers of a print SCP; keeps the images."""

    instances: dict[str, Dataset] = field(factory=dict)
    images: list[Dataset] = field(factory=list)
    printed: list[str] = field(factory=list)

    @property
    def handlers(self) -> list[Any]:
        return [
            (evt.EVT_N_GET, self.on_get),
            (evt.EVT_N_CREATE, self.on_create),
            (evt.EVT_N_SET, self.on_set),
            (evt.EVT_N_ACTION, self.on_action),
            (evt.EVT_N_DELETE, self.on_delete),
        ]

    def on_get(self, event: evt.Event) -> tuple[int, Dataset]:
        status = Dataset()
        status.PrinterStatus = "NORMAL"
        return 0x0000, status

    def on_create(self, event: evt.Event) -> tuple[int, Dataset]:
        attributes = event.attribute_list
        uid = event.request.AffectedSOPInstanceUID
        if uid is None:
            uid = attributes.AffectedSOPInstanceUID = generate_uid()
        if event.request.AffectedSOPClassUID == FILM_BOX:
            image_box = generate_uid()
            self.instances[image_box] = Dataset()
            attributes.ReferencedImageBoxSequence = [referring(IMAGE_BOX, image_box)]
        self.instances[uid] = attributes
        return 0x0000, attributes

    def on_set(self, event: evt.Event) -> tuple[int, Dataset | None]:
        if event.request.RequestedSOPInstanceUID not in self.instances:
            return 0x0112, None
        self.images += event.modification_list.get("BasicGrayscaleImageSequence", [])
        return 0x0000, None

    def on_action(self, event: evt.Event) -> tuple[int, None]:
        self.printed.append(event.request.RequestedSOPClassUID)
        return (0x0000 if event.request.RequestedSOPInstanceUID in self.instances else 0x0112), None

    def on_delete(self, event: evt.Event) -> int:
        return 0x0000 if self.instances.pop(event.request.RequestedSOPInstanceUID, None) is not None else 0x0112


def test_dcmprscu_prints_with_us(adapter: str, archived: list[Path], tmp_path: Path) -> None:
    ours, printing = Printer(), Printing(tmp_path)
    with our_server(adapter, handlers=ours.handlers, setup=lambda ae: ae.add_supported_context(META)) as server:
        configuration: Command = ["-c", printing.configure(ours=server.port), "-p", "OURS"]
        finished([tool("dcmpsprt"), *configuration, archived[0]])
        jobs = sorted(printing.stored.glob("SP_*.dcm"))
        for option in ((), ("--session-print",)):
            done = finished([tool("dcmprscu"), "-v", *configuration, *option, *jobs])
            assert "communication failed" not in done.stdout
    (hardcopy,) = [dcmread(path) for path in printing.stored.glob("HG_*.dcm")]
    assert ours.printed == [FILM_BOX, SESSION]
    assert [(image.Rows, image.Columns) for image in ours.images] == [(hardcopy.Rows, hardcopy.Columns)] * 2
    # It deletes what it has created; the image boxes are left.
    assert len(ours.instances) == 2
    assert server.aborts == 0


def test_dcmprscu_prints_a_whole_film_with_us(adapter: str, archived: list[Path], tmp_path: Path) -> None:
    # Its N-SET is longer than any identifier may be.
    ours, printing, source = Printer(), Printing(tmp_path), tmp_path / "film.dcm"
    film = dcmread(archived[0])
    film.Rows = film.Columns = 2048
    film.PixelData = bytes(2 * 2048 * 2048)
    film.save_as(source)
    with our_server(adapter, handlers=ours.handlers, setup=lambda ae: ae.add_supported_context(META)) as server:
        configuration: Command = ["-c", printing.configure(ours=server.port, resolution=2048), "-p", "OURS"]
        finished([tool("dcmpsprt"), *configuration, source])
        done = finished([tool("dcmprscu"), "-v", *configuration, *sorted(printing.stored.glob("SP_*.dcm"))])
    assert "communication failed" not in done.stdout
    assert [len(image.PixelData) > 3 << 20 for image in ours.images] == [True]
    assert (ours.printed, server.aborts) == ([FILM_BOX], 0)
