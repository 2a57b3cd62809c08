"""Data sets that are made at the first look are, to every look, what they will be."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileDataset

from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.data.data_sets import decode_data_set_later, encode_data_set
from dicomwire.data.lazy_data_sets import LazyDataset, turn
from dicomwire.data.plain_data_sets import decode_plain, decode_plain_later, encode_plain
from dicomwire.dimse.accepted_contexts import AcceptedContext
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_ECHO_RQ, C_GET_RQ, RESPONSE, answer
from dicomwire.operations.returned_status import status_of


def identifier() -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.PatientID = "4711"
    return dataset


def untouched(*, implicit: bool = False) -> Dataset:
    data = encode_plain(identifier(), implicit=implicit)
    assert data is not None
    made = decode_plain_later(data, implicit=implicit)
    assert isinstance(made, LazyDataset)
    return made


def returned(status: int = 0xFF00, **elements: Any) -> Dataset:
    response = Command(command_field=C_GET_RQ | RESPONSE, message_id_being_responded_to=1, status=status, **elements)
    return status_of(ReceivedMessage(AcceptedContext(1, "1.2", "1.2.840.10008.1.2"), response))


LOOKS: dict[str, Callable[[Dataset], Any]] = {
    "an element": lambda dataset: dataset.PatientID,
    "an element that is not there": lambda dataset: dataset.get("PatientName", "none"),
    "an item": lambda dataset: dataset[0x00100020].value,
    "length": len,
    "membership": lambda dataset: "PatientID" in dataset,
    "iteration": lambda dataset: [element.keyword for element in dataset],
    "text": str,
    "truth": bool,
    "names": lambda dataset: dataset.dir(),
    "dir": dir,
    "json": lambda dataset: dataset.to_json_dict(),
    "encoding": lambda dataset: dataset.original_encoding,
    "character set": lambda dataset: dataset.original_character_set,
    "an attribute of its own": lambda dataset: dataset.is_undefined_length_sequence_item,
    "its file meta": lambda dataset: hasattr(dataset, "file_meta"),
    "equality": lambda dataset: (dataset == identifier(), identifier() == dataset, dataset != Dataset()),
    "elements of a group": lambda dataset: dataset.group_dataset(0x0010),
    "encoded": lambda dataset: encode_data_set(dataset, "1.2.840.10008.1.2.1"),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("implicit", [False, True])
def test_every_look_sees_what_a_decoded_data_set_shows(look: Callable[[Dataset], Any], implicit: bool) -> None:
    data = encode_plain(identifier(), implicit=implicit)
    assert data is not None
    decoded = decode_plain(data, implicit=implicit)
    assert decoded is not None
    dataset = untouched(implicit=implicit)
    assert look(dataset) == look(decoded)
    assert type(dataset) is Dataset
    assert vars(dataset).keys() == vars(decoded).keys()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda item: pickle.loads(pickle.dumps(item))])
@pytest.mark.parametrize("make", [untouched, returned])
def test_copies_and_pickles_are_plain_data_sets(make: Callable[[], Dataset], duplicate: Callable[[Any], Any]) -> None:
    copied = duplicate(make())
    assert type(copied) is Dataset
    assert copied == make()
    assert "_pending" not in vars(copied)


def test_equality_does_not_depend_on_the_class() -> None:
    read = FileDataset("x.dcm", identifier())
    assert untouched() == read
    assert read == untouched()
    assert untouched() == untouched()
    assert returned() != untouched()
    assert returned() == returned()
    assert untouched() != 7
    with pytest.raises(TypeError, match="unhashable"):
        hash(untouched())


def test_every_special_method_of_a_data_set_makes_it() -> None:
    special = {name for name in dir(Dataset) if name.startswith("__") and callable(getattr(Dataset, name))}
    own = {name for name in special if getattr(Dataset, name) is not getattr(object, name, None)}
    # NumPy asks the instance for its own.
    missing = own - vars(LazyDataset).keys() - {"__array__"}
    assert missing <= {"__class__", "__init__", "__init_subclass__", "__new__", "__subclasshook__"}


def test_before_pydicom_is_loaded_a_status_is_nothing_of_pydicom() -> None:
    status = returned()
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "pydicom")
        assert not isinstance(status, int)
        assert "pydicom" not in sys.modules
    assert isinstance(status, Dataset)
    assert type(status) is not Dataset


def test_the_elements_are_there_last() -> None:
    # They tell another thread that nothing is missing.
    dataset = untouched()
    assert len(dataset) == 3
    assert list(vars(dataset))[-1] == "_dict"


def test_what_was_set_before_the_first_look_stays() -> None:
    dataset = untouched()
    dataset.is_decompressed = True
    dataset.note = "mine"
    dataset.PatientID = "4712"
    assert (dataset.is_decompressed, dataset.note, dataset.PatientID) == (True, "mine", "4712")
    assert dataset.QueryRetrieveLevel == "STUDY"
    del dataset.PatientID
    assert "PatientID" not in dataset


def test_a_missing_attribute_is_missing() -> None:
    dataset = untouched()
    with pytest.raises(AttributeError):
        _ = dataset.PatientName
    with pytest.raises(AttributeError):
        _ = untouched().nothing_of_the_kind


def test_threads_that_look_at_the_same_time_see_one_data_set() -> None:
    class Slow(LazyDataset):
        made = 0

        @staticmethod
        def make(pending: Any) -> Dataset:
            Slow.made += 1
            if Slow.made == 1:
                # Another thread comes in between, and changes what it got.
                turn(pending[0])
                pending[0].PatientID = "changed"
            return identifier()

    pending: list[Any] = []
    slow = Slow.of(pending)
    pending.append(slow)
    assert slow.PatientID == "changed"
    assert Slow.made == 2
    # One that found it unmade, and comes when it is made.
    object.__setattr__(slow, "__class__", Slow)
    turn(slow)
    assert type(slow) is Dataset
    assert slow.PatientID == "changed"
    assert Slow.made == 2


def test_only_kinds_of_lazy_data_sets_can_be_made() -> None:
    with pytest.raises(NotImplementedError):
        len(LazyDataset.of(None))


@pytest.mark.parametrize("transfer_syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_a_match_is_decoded_later_or_by_pydicom(transfer_syntax: str) -> None:
    data = encode_data_set(identifier(), transfer_syntax)
    assert decode_data_set_later(data, transfer_syntax) == identifier()
    nested = identifier()
    nested.ReferencedStudySequence = [identifier()]
    assert decode_data_set_later(encode_data_set(nested, transfer_syntax), transfer_syntax) == nested
    assert decode_data_set_later(None, transfer_syntax) == Dataset()


def test_a_data_set_without_character_set_has_the_default() -> None:
    dataset = identifier()
    del dataset.SpecificCharacterSet
    later = decode_plain_later(encode_plain(dataset, implicit=False) or b"", implicit=False)
    assert later == dataset
    # These bytes may be anywhere.
    dataset.PatientID = "\x08\0\x05\0x"
    assert decode_plain_later(encode_plain(dataset, implicit=False) or b"", implicit=False) == dataset


def test_what_is_wrong_with_a_data_set_is_found_at_once() -> None:
    assert decode_plain_later(b"\x08\0\x05\0CS\xff\0", implicit=False) is None
    with pytest.warns(UserWarning, match="encoding"):
        decode_plain_later(b"\x08\0\x05\0CS\x06\0NOSUCH", implicit=False)


def test_a_status_is_known_before_its_data_set_is_made() -> None:
    status = returned(0xA702, error_comment="no", number_of_failed_suboperations=3)
    assert status.Status == 0xA702
    assert isinstance(status, LazyDataset)
    assert bool(status)
    assert status.ErrorComment == "no"
    assert status.__class__ is Dataset
    assert status.Status == 0xA702
    assert [element.keyword for element in status] == ["Status", "ErrorComment", "NumberOfFailedSuboperations"]


def test_a_status_can_be_changed() -> None:
    status = status_of(
        ReceivedMessage(
            AcceptedContext(1, "1.2", "1.2.840.10008.1.2"),
            answer(Command(command_field=C_ECHO_RQ, message_id=1), 0x0000),
        )
    )
    status.Status = 0x0110
    assert status.Status == 0x0110
    assert len(status) == 1


def test_there_is_no_status_without_response() -> None:
    assert status_of(None) == Dataset()
    assert not status_of(None)
