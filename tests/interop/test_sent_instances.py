"""What DCMTK stores names what it holds, whatever crooked file it was sent from."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from dicomwire import AE, contexts_for
from tests.support.encoded import (
    CT,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    MR,
    SYNTAXES,
    Writer,
    data_set,
    dicom_file,
    file_meta,
)
from tests.support.peers import storescp

OLD, NEW = "9.9.9", "1.2.826.0.1.42"


def crooked() -> dict[str, bytes]:
    """Files that DCMTK can store, each under a UID of its own."""
    made: dict[str, bytes] = {}

    def add(name: str, syntax: str, meta: bytes | None = None, data: bytes | None = None) -> None:
        uid = f"{NEW}.{len(made)}"
        write = Writer(syntax)
        content = data_set(syntax, uid, MR) if data is None else write.uids(uid, MR) + data
        if meta is None:
            meta = file_meta(sop_class=CT, instance=OLD, syntax=syntax)
        made[name] = dicom_file(content, meta)

    for syntax in SYNTAXES[:4]:
        add(f"old-meta-{syntax}", syntax)
    add("no-class", EXPLICIT, file_meta(sop_class=None))
    add("name-behind-uid", EXPLICIT, file_meta(sop_class=f"{CT} (CT Image Storage)"))
    add("no-syntax", IMPLICIT, file_meta(syntax=None))
    add("two", EXPLICIT, file_meta() + file_meta(syntax=JPEG))
    add("wrong-length", EXPLICIT, file_meta(length=0))
    for syntax in (EXPLICIT, IMPLICIT):
        write = Writer(syntax)
        add(f"odd-value-{syntax}", syntax, data=write(0x00100020, "LO", "ODD") + write(0x7FE00010, "OW", bytes(50_000)))
        items = write.item(write(0x00080100, "SH", "ODD")), write.item(write(0x00080100, "SH", "EVEN"))
        add(f"odd-item-{syntax}", syntax, data=write.sequence(0x0040A730, *items))
    fragments = Writer(JPEG).encapsulated(
        b"\xff\xd8abc\xff\xd9", b"\xff\xd8abcd\xff\xd9", table=bytes(4) + b"\x0f\0\0\0"
    )
    add("odd-fragment", JPEG, data=fragments)
    return made


CROOKED = crooked()


def stored(folder: Path) -> list[tuple[str, str, str]]:
    """What each file says of itself, and what its data set says."""
    found = []
    for path in folder.iterdir():
        dataset = dcmread(path)
        meta = dataset.file_meta
        assert meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        assert meta.MediaStorageSOPClassUID == dataset.SOPClassUID
        found.append((str(dataset.SOPInstanceUID), str(dataset.SOPClassUID), str(meta.TransferSyntaxUID)))
    return sorted(found)


@pytest.mark.parametrize("form", ["path", "str", "bytes", "file"])
def test_dcmtk_stores_each_under_its_own_name(tmp_path: Path, form: str) -> None:
    paths = []
    for name, content in CROOKED.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    make: dict[str, Any] = {
        "path": lambda path: path,
        "str": str,
        "bytes": Path.read_bytes,
        "file": lambda path: BytesIO(path.read_bytes()),
    }
    with storescp(tmp_path / "store", "+xa") as port:
        with AE().associate("127.0.0.1", port, contexts_for(paths)) as association:
            statuses = [association.send_c_store(make[form](path)).get("Status") for path in paths]
        assert statuses == [0x0000] * len(paths)
    names = [(uid, sop_class) for uid, sop_class, _ in stored(tmp_path / "store")]
    assert names == sorted((f"{NEW}.{number}", MR) for number in range(len(paths)))


def test_the_application_sends_them_and_names_the_ones_that_cannot_be_sent(tmp_path: Path) -> None:
    folder = tmp_path / "sent"
    folder.mkdir()
    for name, content in CROOKED.items():
        (folder / name).write_bytes(content)
    (folder / "mislabelled").write_bytes(dicom_file(data_set(IMPLICIT, NEW), file_meta(syntax=EXPLICIT)))
    (folder / "text").write_text("no DICOM")
    with storescp(tmp_path / "store", "+xa") as port:
        done = subprocess.run(
            [sys.executable, "-m", "dicomwire", "storescu", "127.0.0.1", str(port), folder, "-cx", "--fail"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stdout.startswith(f"{len(CROOKED)} stored, 0 stored with a warning, 1 failed, 1 skipped;"), done.stderr
    assert done.returncode == 1
    assert "mislabelled cannot be sent: it is said to be Explicit VR Little Endian" in done.stderr
    assert len(stored(tmp_path / "store")) == len(CROOKED)
