"""UIDs that are made before pydicom is loaded are, to every look, those of pydicom."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest
from pydicom.uid import UID

from dicomwire.presentation import build_context
from dicomwire.vocabulary.lazy_uids import as_uid

CT = "1.2.840.10008.5.1.4.1.1.2"
JPEG_XL = "1.2.840.10008.1.2.4.110"


def early(text: str) -> UID:
    """A UID that was made before pydicom is loaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "pydicom")
        uid = as_uid(text)
        # Who asks what it is does not load it.
        assert isinstance(uid, str) and not isinstance(uid, bytes)
        assert "pydicom" not in sys.modules
    assert type(uid) is not UID
    return uid


LOOKS: dict[str, Callable[[UID], Any]] = {
    "its name": lambda uid: uid.name,
    "whether it is private": lambda uid: uid.is_private,
    "an encoding of its own": lambda uid: hasattr(uid, "_PRIVATE_TS_ENCODING"),
    "a copy": copy.deepcopy,
    "a pickle": lambda uid: type(pickle.loads(pickle.dumps(uid))),
    "its names": lambda uid: sorted(name for name in dir(uid) if name.startswith("is_")),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_every_look_sees_what_pydicom_shows(look: Callable[[UID], Any]) -> None:
    uid = early(CT)
    assert isinstance(uid, UID)
    assert look(uid) == look(UID(CT))


def test_it_becomes_one_of_that_very_class() -> None:
    uid = early(CT)
    assert uid.keyword == "CTImageStorage"
    assert type(uid) is UID


def test_it_is_text_all_the_time() -> None:
    uid = early(f" {CT} ")
    assert uid == CT == UID(uid)
    assert hash(uid) == hash(CT)
    assert {CT: 1}[uid] == 1
    assert (str(uid), f"{uid}", repr(uid)) == (CT, CT, repr(CT))


def test_a_private_encoding_can_be_given_to_it() -> None:
    uid = early("1.2.3.4")
    uid.set_private_encoding(False, True)
    assert uid.is_transfer_syntax and uid.is_little_endian and not uid.is_implicit_VR
    assert as_uid(uid) is uid


def test_what_was_made_early_is_not_made_again() -> None:
    uid = early(CT)
    assert as_uid(uid) is uid


def test_with_pydicom_loaded_it_is_one_of_pydicom_at_once() -> None:
    uid = as_uid(CT)
    assert type(uid) is UID
    assert as_uid(uid) is uid


def test_transfer_syntaxes_newer_than_pydicom_have_names() -> None:
    assert early(JPEG_XL).name == "JPEG XL Lossless"


def test_contexts_made_early_equal_those_made_late() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "pydicom")
        context = build_context(CT)
    assert context == build_context(CT)
    assert context.abstract_syntax is not None and context.abstract_syntax.name == "CT Image Storage"
    assert all(isinstance(syntax, UID) for syntax in context.transfer_syntax)
