"""``-k``: elements by keyword path."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dicomwire.apps._common.keyword_paths import name_of, set_key


def made(*keys: str) -> Dataset:
    data_set = Dataset()
    for key in keys:
        set_key(data_set, key)
    return data_set


@pytest.mark.parametrize(
    ("key", "tag", "vr", "value"),
    [
        ("PatientName=Doe^J*", 0x00100010, "PN", "Doe^J*"),
        ("PatientName=", 0x00100010, "PN", None),
        ("PatientName", 0x00100010, "PN", None),
        ("FrameIncrementPointer=", 0x00280009, "AT", None),
        ("  PatientID =x", 0x00100020, "LO", "x"),
        ("PatientID= x ", 0x00100020, "LO", " x "),
        ("(0010,0020)=4", 0x00100020, "LO", "4"),
        ("0010,0020=4", 0x00100020, "LO", "4"),
        ("0020,000D=1.2", 0x0020000D, "UI", "1.2"),
        ("0020,000d=1.2", 0x0020000D, "UI", "1.2"),
        ('PatientID="quoted"', 0x00100020, "LO", '"quoted"'),
        ("PatientID='a'", 0x00100020, "LO", "'a'"),
        ("PatientID=a=b=c", 0x00100020, "LO", "a=b=c"),
        ("StudyDate=20200101-20201231", 0x00080020, "DA", "20200101-20201231"),
        ("StudyTime=-1200", 0x00080030, "TM", "-1200"),
        ("ModalitiesInStudy=CT\\MR", 0x00080061, "CS", ["CT", "MR"]),
        ("Modality=*", 0x00080060, "CS", "*"),
        ("StudyInstanceUID=1.2\\1.3", 0x0020000D, "UI", ["1.2", "1.3"]),
        ("PatientComments=a\\b", 0x00104000, "LT", "a\\b"),
        ("InstanceNumber=3", 0x00200013, "IS", 3),
        ("InstanceNumber=3\\4", 0x00200013, "IS", [3, 4]),
        ("PatientWeight=70.5", 0x00101030, "DS", 70.5),
        ("Rows=512", 0x00280010, "US", 512),
        ("Rows=1\\2", 0x00280010, "US", [1, 2]),
        ("ReferencePixelX0=-7", 0x00186020, "SL", -7),
        ("SimpleFrameList=4294967295", 0x00081161, "UL", 4294967295),
        ("ExtendedOffsetTable=0A0b", 0x7FE00001, "OV", b"\x0a\x0b"),
        ("SelectorSVValue=-9223372036854775808", 0x00720082, "SV", -(2**63)),
        ("SelectorUVValue=18446744073709551615", 0x00720083, "UV", 2**64 - 1),
        ("TagAngleSecondAxis=-3", 0x00189219, "SS", -3),
        ("RealWorldValueSlope=1.5\\-2e3", 0x00409225, "FD", [1.5, -2000.0]),
        ("ExaminedBodyThickness=2", 0x00109431, "FL", 2.0),
        ("FrameIncrementPointer=0018,1063", 0x00280009, "AT", Tag(0x00181063)),
        ("FrameIncrementPointer=(0018,1063)\\FrameTimeVector", 0x00280009, "AT", [Tag(0x00181063), Tag(0x00181065)]),
        ("EncapsulatedDocument=00ff", 0x00420011, "OB", b"\x00\xff"),
        ("EncapsulatedDocument=00 FF", 0x00420011, "OB", b"\x00\xff"),
        ("PixelData=0102", 0x7FE00010, "OW", b"\x01\x02"),
        ("SmallestImagePixelValue=5", 0x00280106, "US", 5),
        ("SmallestImagePixelValue=-5", 0x00280106, "SS", -5),
        ("LUTData=1\\2", 0x00283006, "US", [1, 2]),
        ("6002,0010=5", 0x60020010, "US", 5),
        ("60FE,3000=00ff", 0x60FE3000, "OW", b"\x00\xff"),
        ("0029,0010=SOMEBODY", 0x00290010, "LO", "SOMEBODY"),
        ("0029,1001=0a", 0x00291001, "UN", b"\x0a"),
    ],
    ids=repr,
)
def test_a_key_becomes_an_element(key: str, tag: int, vr: str, value: Any) -> None:
    (element,) = made(key)
    assert (element.tag, element.VR) == (tag, vr)
    if value is None:
        assert element.is_empty
    else:
        found = element.value
        assert (list(found) if isinstance(value, list) else found) == value


def test_the_last_of_two_keys_counts() -> None:
    assert made("PatientID=1", "0010,0020=2").PatientID == "2"


def test_a_private_element_has_the_vr_of_its_creator() -> None:
    data_set = made("0029,0010=SIEMENS CSA HEADER", "0029,1008=TYPE", "0029,1010=0aff")
    assert (data_set[0x00291008].VR, data_set[0x00291008].value) == ("CS", "TYPE")
    assert (data_set[0x00291010].VR, data_set[0x00291010].value) == ("OB", b"\x0a\xff")
    data_set = made("0029,0010=NOBODY KNOWS", "0029,1008=41")
    assert (data_set[0x00291008].VR, data_set[0x00291008].value) == ("UN", b"A")


# -- sequences -----------------------------------------------------------------------------------------------------
def test_an_empty_sequence_and_one_empty_item_differ() -> None:
    assert len(made("ReferencedStudySequence=").ReferencedStudySequence) == 0
    items = made("ReferencedStudySequence[0]=").ReferencedStudySequence
    assert [len(item) for item in items] == [0]


def test_an_index_makes_the_items_up_to_it() -> None:
    items = made("BeamSequence[2].BeamNumber=7").BeamSequence
    assert [len(item) for item in items] == [0, 0, 1] and items[2].BeamNumber == 7
    assert len(made("BeamSequence[3]=").BeamSequence) == 4
    assert len(made("300A,00B0[999]=").BeamSequence) == 1000


def test_paths_go_through_sequences_in_sequences() -> None:
    data_set = made(
        "ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence[1].CodeValue=X",
        "(0040,0100)[0].0008,0060=CT",
        "0040,0100.(0040,0001)=SCANNER",
    )
    (step,) = data_set.ScheduledProcedureStepSequence
    assert (step.Modality, step.ScheduledStationAETitle) == ("CT", "SCANNER")
    assert step.ScheduledProtocolCodeSequence[1].CodeValue == "X"
    assert len(step.ScheduledProtocolCodeSequence[0]) == 0


def test_without_an_index_between_components_item_0_is_meant() -> None:
    assert made("BeamSequence.BeamNumber=7").BeamSequence[0].BeamNumber == 7


def test_an_empty_item_or_sequence_replaces_what_was_there() -> None:
    data_set = made("BeamSequence[1].BeamNumber=7", "BeamSequence[0].BeamNumber=6", "BeamSequence[1]=")
    assert [len(item) for item in data_set.BeamSequence] == [1, 0]
    set_key(data_set, "BeamSequence=")
    assert len(data_set.BeamSequence) == 0


# -- mistakes ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "neither a keyword nor a tag"),
        ("=x", "neither a keyword nor a tag"),
        ("PatientNam=x", "no keyword PatientNam"),
        ("patientname=x", "no keyword patientname"),
        ("Patient Name=x", "neither"),
        ("0010=x", "neither"),
        ("00100020=x", "neither"),
        ("0010,002=x", "neither"),
        ("(0010,0020=x", "neither"),
        ("0010,0020)=x", "neither"),
        ("001G,0020=x", "neither"),
        ("0010,FFFF=x", "no element"),
        ("0010,0000=x", "no element"),
        ("0000,0100=1", "no place"),
        ("0002,0010=1.2", "no place"),
        ("TransferSyntaxUID=1.2", "no place"),
        ("Status=1", "no place"),
        ("CommandField=1", "no place"),
        ("0004,1130=x", "no place"),
        ("FFFE,E000=", "no place"),
        ("FFFF,0010=", "no place"),
        ("0007,0010=x", "no place"),
        ("0011,0001=00", "private block"),
        ("OverlayRows=1", "by its tag"),
        ("PatientName[0]=x", "no sequence"),
        ("PatientName.PatientID=x", "no sequence"),
        ("PatientName[0].PatientID=x", "no sequence"),
        ("BeamSequence=x", "is a sequence"),
        ("BeamSequence[0]=x", "is a sequence"),
        ("BeamSequence[-1].BeamNumber=1", "no index"),
        ("BeamSequence[x].BeamNumber=1", "no index"),
        ("BeamSequence[].BeamNumber=1", "no index"),
        ("BeamSequence[1.5].BeamNumber=1", "no element"),
        ("BeamSequence[1000].BeamNumber=1", "no index"),
        ("BeamSequence[99999999999999999999].BeamNumber=1", "no index"),
        ("BeamSequence[\u0661]=", "no index"),
        ("BeamSequence[0]x.BeamNumber=1", "no element"),
        ("BeamSequence[0][0]=", "no element"),
        ("BeamSequence[0=", "no element"),
        ("BeamSequence[0]..BeamNumber=1", "neither"),
        ("BeamSequence[0].=1", "neither"),
        ("Rows=many", "no value of Rows"),
        ("Rows=-1", "not from 0 to 65535"),
        ("Rows=65536", "not from 0 to 65535"),
        ("Rows=1\\", "no value of Rows"),
        ("InstanceNumber=x", "no value"),
        ("PatientWeight=heavy", "no value"),
        ("RealWorldValueSlope=x", "no value"),
        ("EncapsulatedDocument=0", "hexadecimal"),
        ("EncapsulatedDocument=xy", "hexadecimal"),
        ("0029,1001=text", "hexadecimal"),
        ("FrameIncrementPointer=nothing", "no keyword"),
        ("StudyDate=\u0662020", "ASCII"),
    ],
    ids=repr,
)
def test_a_bad_key_says_what_is_wrong(key: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        made(key)


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        (0x00100010, "PatientName"),
        (0x60000010, "(6000,0010)"),
        (0x00291010, "(0029,1010)"),
        (0x0010FFFF, "(0010,FFFF)"),
    ],
)
def test_an_element_is_named_as_it_can_be_asked_for(tag: int, name: str) -> None:
    assert name_of(Tag(tag)) == name
