"""Whole sets of files, compared with what was stored of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import dcmread

from tests.support.peers import (
    Stored,
    as_file,
    content,
    file_parts,
)

UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")


def padded(data: bytes) -> bytes:
    """Fragments are even: a deflated stream gets one NUL more (PS3.5 A.5)."""
    return data + b"\0" * (len(data) % 2)


@cache
def sent_parts(path: Path) -> tuple[str, str, bytes]:
    return file_parts(path)


@cache
def sent_content(path: Path, private: bool) -> dict[int, Any]:
    return content(dcmread(path), private=private)


def differing(paths: Sequence[Path], stored: Sequence[Stored]) -> list[str]:
    """The files that did not arrive once and unchanged; converted ones are compared by their values."""
    by_uid = {item.sop_instance_uid: item for item in stored}
    assert len(by_uid) == len(stored)
    wrong = []
    for path in paths:
        uid, transfer_syntax, data = sent_parts(path)
        item = by_uid.pop(uid, None)
        if item is None:
            wrong.append(f"{path.name} missing")
        elif item.transfer_syntax == transfer_syntax and item.data == padded(data):
            continue
        else:
            private = UNCOMPRESSED[0] not in (transfer_syntax, item.transfer_syntax)
            arrived = dcmread(BytesIO(as_file(item)))
            if content(arrived, private=private) != sent_content(path, private):
                wrong.append(path.name)
    assert by_uid == {}
    return wrong


def changed(paths: Sequence[Path], folder: Path) -> list[str]:
    """The files whose data set is not in the folder byte for byte."""
    there = {uid: padded(data) for uid, _, data in map(file_parts, (item for item in folder.iterdir()))}
    assert len(there) == len(paths)
    return [path.name for path in paths for uid, _, data in [sent_parts(path)] if there.get(uid) != padded(data)]
