"""What the demonstration sends: the sample files that come with pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen
from pydicom.data import get_testdata_file
from pydicom.errors import InvalidDicomError

from dicomwire.data.data_set_head import Unsendable
from dicomwire.data.file_meta import read_file_meta
from dicomwire.data.safe_names import safe_name
from dicomwire.data.sources import IncompleteFileMeta, opened
from dicomwire.dimse.messages import C_STORE_RQ
from dicomwire.vocabulary import sop_classes as sop_class


class Differs(Exception):
    """What arrived is not what was sent: the text says where."""


@frozen
class Sample:
    """A file to send."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    @property
    def pair(self) -> tuple[str, str]:
        """SOP class and transfer syntax."""
        return self.sop_class_uid, self.transfer_syntax_uid

    def data_set(self) -> bytes:
        """The data set as it is to arrive."""
        with opened(self.path) as instance:
            return b"".join(bytes(piece) for piece, _ in instance.pieces(1 << 20))


def samples() -> list[Sample]:
    """The sample files in pydicom's wheel that can be stored: one for each SOP instance UID."""
    one = get_testdata_file("CT_small.dcm", download=False)
    found: dict[str, Sample] = {}
    for path in sorted(Path(str(one)).parent.glob("*.dcm")):
        try:
            with opened(path) as instance:
                uids = instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax_uid
        except (InvalidDicomError, IncompleteFileMeta, Unsendable):
            continue
        if C_STORE_RQ in sop_class.uid_to_messages(uids[0]):
            found.setdefault(uids[1], Sample(path, *uids))
    return list(found.values())


def file_of(folder: Path, sop_instance_uid: str) -> Path:
    """Where an instance lies, as a client names what it retrieves."""
    return folder / f"{safe_name(sop_instance_uid)}.dcm"


def compare(files: Sequence[Sample], folder: Path) -> str:
    """Say how much has arrived in ``folder``, if it is ``files``, byte for byte, and nothing else.

    Raises:
        Differs: it is not.
    """
    size = 0
    expected = set()
    for file in files:
        path = file_of(folder, file.sop_instance_uid)
        expected.add(path)
        if not path.exists():
            raise Differs(f"{file.path.name}: nothing arrived")
        with path.open("rb") as received:
            meta = read_file_meta(received)
            received.seek(meta.data_set_offset)
            data = received.read()
        if meta.transfer_syntax_uid != file.transfer_syntax_uid or data != file.data_set():
            raise Differs(f"{file.path.name}: something else arrived")
        size += len(data)
    if more := set(folder.iterdir()) - expected:
        raise Differs(f"{len(more)} files that nobody sent")
    return f"{len(files)} file{'s' * (len(files) != 1)}, {size / 1e6:.1f} MB"
