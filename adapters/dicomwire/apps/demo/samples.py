"""What the demonstration sends: the sample files that come with pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen
from pydicom.data import get_testdata_file
from pydicom.errors import InvalidDicomError

from dicomwire import sop_class
from dicomwire._globals import DEFLATED
from dicomwire.apps._common.storage import Storage
from dicomwire.dimse.messages import C_STORE_RQ
from dicomwire.logic.data_set_beginning import why_no_data_set
from dicomwire.logic.file_meta import FileMeta, read_file_meta


class Differs(Exception):
    """What arrived is not what was sent: the text says where."""


@frozen
class Sample:
    """A file to send."""

    path: Path
    meta: FileMeta

    @property
    def pair(self) -> tuple[str, str]:
        """SOP class and transfer syntax."""
        return str(self.meta.sop_class_uid), str(self.meta.transfer_syntax_uid)

    def data_set(self) -> bytes:
        """The data set as it is to arrive."""
        data = self.path.read_bytes()[self.meta.data_set_offset :]
        # A deflated stream of odd length is followed by one NUL (PS3.5 A.5).
        return data + b"\0" if self.meta.transfer_syntax_uid == DEFLATED and len(data) & 1 else data


def samples() -> list[Sample]:
    """The sample files in pydicom's wheel that can be stored: one for each SOP instance UID."""
    one = get_testdata_file("CT_small.dcm", download=False)
    found: dict[str, Sample] = {}
    for path in sorted(Path(str(one)).parent.glob("*.dcm")):
        with path.open("rb") as file:
            try:
                meta = read_file_meta(file)
            except InvalidDicomError:
                continue
            file.seek(meta.data_set_offset)
            head = file.read(512)
        if not meta.sop_class_uid or not meta.sop_instance_uid or not meta.transfer_syntax_uid:
            continue
        if why_no_data_set(head, meta.transfer_syntax_uid):
            # One is not in the transfer syntax that it names: no receiver is to take it.
            continue
        if C_STORE_RQ in sop_class.uid_to_messages(meta.sop_class_uid):
            found.setdefault(meta.sop_instance_uid, Sample(path, meta))
    return list(found.values())


def compare(files: Sequence[Sample], storage: Storage) -> str:
    """Say how much has arrived in ``storage``, if it is ``files``, byte for byte, and nothing else.

    Raises:
        Differs: it is not.
    """
    size = 0
    expected = set()
    for file in files:
        path = storage.path(str(file.meta.sop_class_uid), str(file.meta.sop_instance_uid))
        expected.add(path)
        if not path.exists():
            raise Differs(f"{file.path.name}: nothing arrived")
        with path.open("rb") as received:
            meta = read_file_meta(received)
            received.seek(meta.data_set_offset)
            data = received.read()
        if meta.transfer_syntax_uid != file.meta.transfer_syntax_uid or data != file.data_set():
            raise Differs(f"{file.path.name}: something else arrived")
        size += len(data)
    if more := set(storage.directory.iterdir()) - expected:
        raise Differs(f"{len(more)} files that nobody sent")
    return f"{len(files)} file{'s' * (len(files) != 1)}, {size / 1e6:.1f} MB"
