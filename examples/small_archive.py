"""A small archive: ``python examples/small_archive.py PORT FOLDER [TITLE=HOST:PORT ...]``, until the end of the input.

It keeps what is sent, is queried, and gives back with C-GET, or with C-MOVE to application entities that it knows."""

import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from pydicom import DataElement, Dataset, dcmread

from dicomwire import FindRequest, GetRequest, MoveRequest, MoveTo, Service, ServiceFailed, Status, StoreRequest, serve
from dicomwire.safe_names import safe_name

UNIQUE = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
INDEXED = [*UNIQUE.values(), "SpecificCharacterSet", "PatientName", "StudyDate", "StudyDescription", "Modality"]


def fits(wanted: DataElement, stored: Dataset) -> bool:
    """Whether an instance has what is asked for: a value, one of a list, wildcards, or a range of dates."""
    has = str(stored.get(wanted.keyword, ""))
    first, is_range, last = str(wanted.value).partition("-")
    is_within = wanted.VR == "DA" and bool(is_range) and first <= has <= (last or "9")
    values = [wanted.value] if wanted.VM == 1 else wanted.value
    return is_within or any(fnmatchcase(has, str(value).replace("[", "[[]")) for value in values)


def archive(folder: Path, places: dict[str, tuple[str, int]]) -> Service:
    """Keeps instances in a folder, with an index in memory; knows places to send them to, by AE title."""
    folder.mkdir(parents=True, exist_ok=True)
    service = Service()
    index = {path: dcmread(path, specific_tags=list(INDEXED)) for path in folder.glob("*.dcm")}

    @service.sink
    def where(request: StoreRequest) -> Path:
        return folder / f"{safe_name(request.sop_instance_uid)}.dcm"

    @service.store
    def keep(request: StoreRequest) -> Status:
        index[where(request)] = dcmread(str(request.path), specific_tags=list(INDEXED))
        return Status.SUCCESS

    def matching(query: Dataset) -> list[Path]:
        wanted = [element for element in query if element.keyword in INDEXED and not element.is_empty]
        return [path for path, stored in list(index.items()) if all(fits(each, stored) for each in wanted)]

    @service.find
    def find(request: FindRequest) -> Iterator[Dataset]:
        if request.level not in UNIQUE:
            raise ServiceFailed(Status.MISMATCH.because("no such query level"))
        stored = [index[path] for path in matching(request.identifier)]
        for one in {each.get(UNIQUE[request.level]): each for each in stored}.values():
            match = Dataset()
            match.QueryRetrieveLevel = request.level
            names = ["SpecificCharacterSet", *(each.keyword for each in request.identifier)]
            match.update({one[name].tag: one[name] for name in names if name in INDEXED and name in one})
            yield match

    def named(request: GetRequest | MoveRequest) -> list[Path]:
        if not request.identifier.get(UNIQUE.get(request.level, "")):
            raise ServiceFailed(Status.MISMATCH.because("the unique key of the level is missing"))
        return matching(request.identifier)

    @service.move
    def move(request: MoveRequest) -> MoveTo | None:
        place = places.get(request.destination)
        return place and MoveTo(host=place[0], port=place[1], instances=named(request))

    service.get(named)
    return service


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    known = {title: (host, int(port)) for at in sys.argv[3:] for title, host, port in [at.replace("=", ":").split(":")]}
    with serve(("127.0.0.1", int(sys.argv[1])), archive(Path(sys.argv[2]), known), title="ARCHIVE") as server:
        print("port", server.server_address[1], flush=True)
        sys.stdin.read()
