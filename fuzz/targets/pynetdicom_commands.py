"""Of a command set that we and pynetdicom both take, both say the same."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from pynetdicom.dsutils import decode

from dicomwire.dimse import Command
from dicomwire.dimse.elements import ELEMENTS
from dicomwire.errors import RemoteProtocolError
from fuzz.corpus import fragments
from tests.support.tolerant import PADDING, tolerant

NEEDS = "pynetdicom"

ITEM_DELIMITATION = bytes.fromhex("feff 0de0")


def one_input(data: bytes) -> None:
    if ITEM_DELIMITATION in data:
        # For pydicom a data set ends there.
        return
    try:
        command = Command.decode(data)
    except RemoteProtocolError:
        return
    with tolerant():
        try:
            decoded = decode(BytesIO(data), True, True)
            elements = {int(element.tag): element for element in decoded}
        except Exception:
            return
        for known in ELEMENTS:
            if known.number in elements and known.vr in ("US", "UI"):
                _same(getattr(command, known.field), elements[known.number].value)


def _same(ours: Any, theirs: Any) -> None:
    # It makes lists of what has several values, and strips less.
    if isinstance(theirs, int):
        assert ours == theirs, (ours, theirs)
    elif isinstance(theirs, str) and theirs:
        # Of an element that comes again without a value we keep the one it had.
        assert (ours or "").strip(PADDING) == theirs.strip(PADDING), (ours, theirs)


def seeds() -> Iterable[bytes]:
    return fragments(command=True)
