"""The file meta information that we write (PS3.10 7.1): every element that a file has to have."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import dcmread

from dicomwire.data.file_meta import encode_file_meta


@pytest.mark.parametrize("version", ["A VERSION", "EVEN", None])
def test_every_element_is_there_and_readable(version: str | None) -> None:
    data = encode_file_meta(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="1.2.3",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        implementation_class_uid="1.2.3.4.5.6",
        implementation_version_name=version,
    )
    meta = dcmread(BytesIO(data)).file_meta
    assert {int(element.tag): element.value for element in meta} == {
        0x00020000: len(data) - 144,
        0x00020001: b"\0\1",
        0x00020002: "1.2.840.10008.5.1.4.1.1.2",
        0x00020003: "1.2.3",
        0x00020010: "1.2.840.10008.1.2.1",
        0x00020012: "1.2.3.4.5.6",
        **({} if version is None else {0x00020013: version}),
    }
    assert data[:128] == bytes(128)
    assert not len(data) % 2
