"""What follows ``-k`` is an element, the same one again, that can be sent; or a ValueError that says why not."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset

from dicomwire.apps._common.keyword_paths import name_of, set_key
from dicomwire.dsutils import decode, encode_dataset
from tests.support.tolerant import tolerant

_MOST = 8
"""Keys of one query; each may make a thousand items."""


def one_input(data: bytes) -> None:
    # As the command line has it, which has no NUL.
    keys = data.replace(b"\0", b"").decode("utf-8", "surrogateescape").split("\n")[:_MOST]
    with tolerant():
        made, again = Dataset(), Dataset()
        for key in keys:
            before = made.keys()
            why = _set(made, key)
            assert _set(again, key) == why
            if why:
                continue
            assert set(before) <= set(made.keys())
            # Once more changes nothing: it replaces.
            assert _set(made, key) is None
        assert repr(made) == repr(again)
        for tag in list(made.keys()):
            assert tag >> 16 >= 0x0008 and name_of(tag)
        try:
            encoded = encode_dataset(made, True, True)
        except ValueError:
            return
        # Where text needs a character set and none is stated, one is.
        assert set(decode(encoded, True, True).keys()) - {0x00080005} == set(made.keys()) - {0x00080005}


def _set(dataset: Dataset, key: str) -> str | None:
    """Why it cannot be set; None if it is."""
    try:
        set_key(dataset, key)
    except ValueError as error:
        return str(error)
    return None


def seeds() -> Iterable[bytes]:
    return [
        b"PatientName=Doe*",
        b"0008,0052=STUDY\n(0010,0020)=",
        b"ScheduledProcedureStepSequence[0].Modality=CT\nScheduledProcedureStepSequence[2]",
        b"ScheduledProcedureStepSequence.ScheduledProtocolCodeSequence[1].CodeValue=\\",
        b"Rows=512\\256\nPixelPaddingValue=-3\nStudyDate=20240101-",
        b"0009,0010=CREATOR\n0009,1001=value\n0009,0001=",
        b"FrameIncrementPointer=0018,1063\\FrameTime\nPixelData=00ff",
        b"RecommendedDisplayFrameRateInFloat=1e999\nSelectorFDValue=nan",
        "SpecificCharacterSet=ISO_IR 192\nPatientName=Œdipe^é".encode(),
        b"SelectorSVValue=-9223372036854775808\nSelectorUVValue=18446744073709551615",
        b"OverlayRows=1\n6000,0010=1\n0002,0010=1.2\nFFFE,E000",
        b"PatientName=\xff\nPatientName.x=\n[1]=\nPatientID[=",
    ]
