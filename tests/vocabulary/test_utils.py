import contextvars
from io import BytesIO
from typing import Any

import pytest
from pydicom.uid import UID

from dicomwire import _config
from dicomwire.sop_class import CTImageStorage
from dicomwire.utils import (
    decode_bytes,
    make_target,
    pretty_bytes,
    set_ae,
    set_timer_resolution,
    set_uid,
    set_version_name,
    validate_uid,
)


def test_bytes_are_decoded_as_ascii() -> None:
    assert decode_bytes(b" STORE SCP ") == " STORE SCP "


def test_bytes_that_no_codec_takes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be decoded"):
        decode_bytes("é".encode())


def test_a_fallback_codec_drops_what_is_not_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "CODECS", ("ascii", "no-such-codec", "utf8"))
    assert decode_bytes("ABCé".encode()) == "ABC"
    assert decode_bytes(b"ABC") == "ABC"


def test_bytes_are_dumped_in_lines_of_sixteen() -> None:
    assert pretty_bytes(bytes(range(18))) == [
        "  00  01  02  03  04  05  06  07  08  09  0a  0b  0c  0d  0e  0f",
        "  10  11",
    ]
    assert pretty_bytes(BytesIO(b"\xab")) == ["  ab"]
    assert pretty_bytes(b"") == []


def test_a_dump_can_look_different() -> None:
    dump = pretty_bytes(b"\1\2\3", prefix="> ", delimiter=":", items_per_line=2, suffix=" <")
    assert dump == ["> 01:02", "> 03 <"]


def test_a_long_dump_is_cut_and_says_so() -> None:
    assert pretty_bytes(bytes(40), max_size=2) == ["  First 2 of 40 bytes:", "  00  00"]
    assert len(pretty_bytes(bytes(513))) == 1 + 32
    assert len(pretty_bytes(bytes(1600), max_size=None)) == 100


@pytest.mark.parametrize("title", ["A", " A ", "sixteen charactr"])
def test_an_ae_title_is_kept_exactly_as_given(title: str) -> None:
    assert set_ae(title, "title", allow_empty=False, allow_none=False) == title


@pytest.mark.parametrize("title", ["", "   ", None])
def test_an_ae_title_may_be_empty_where_that_is_allowed(title: str | None) -> None:
    assert set_ae(title, "title") == title


@pytest.mark.parametrize("title", ["", "   "])
def test_an_empty_or_blank_ae_title_is_refused(title: str) -> None:
    with pytest.raises(ValueError, match="'title' must not be empty"):
        set_ae(title, "title", allow_empty=False)


@pytest.mark.parametrize("title", ["seventeen charact", "é", "a\\b", "a\tb"])
def test_a_bad_ae_title_is_refused(title: str) -> None:
    with pytest.raises(ValueError, match="'title' must"):
        set_ae(title, "title")


@pytest.mark.parametrize(("title", "allow_none"), [(5, True), (["A"], True), (None, False)])
def test_an_ae_title_of_another_type_is_refused(title: Any, allow_none: bool) -> None:
    with pytest.raises(TypeError, match="'title' must be str"):
        set_ae(title, "title", allow_none=allow_none)


def test_an_ae_title_of_bytes_is_deprecated() -> None:
    with pytest.warns(DeprecationWarning, match="'title' should be str"):
        assert set_ae(b"TITLE", "title") == "TITLE"
    with pytest.warns(DeprecationWarning, match="'title'"), pytest.raises(ValueError, match="ascii"):
        set_ae("é".encode(), "title")


def test_the_check_of_ae_titles_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_config.VALIDATORS, "AE", lambda value: (value == "é", "must be é"))
    assert set_ae("é", "title") == "é"
    with pytest.raises(ValueError, match="'title' must be é"):
        set_ae("A", "title")


@pytest.mark.parametrize("name", [None, " ", "X"])
def test_a_version_name_is_kept(name: str | None) -> None:
    assert set_version_name(name, "name") == name


@pytest.mark.parametrize(
    ("name", "error"), [("", ValueError), ("x" * 17, ValueError), (b"X", TypeError), (5, TypeError)]
)
def test_a_bad_version_name_is_refused(name: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="'name'"):
        set_version_name(name, "name")


@pytest.mark.parametrize("value", ["1.2.3", b"1.2.3", b"1.2.3\0", UID("1.2.3")])
def test_a_uid_is_made_from_text_or_bytes(value: Any) -> None:
    uid = set_uid(value, "uid")
    assert uid == "1.2.3"
    assert isinstance(uid, UID)


def test_a_sop_class_stays_one() -> None:
    assert set_uid(CTImageStorage, "uid") is CTImageStorage


@pytest.mark.parametrize("value", ["", None])
def test_a_uid_may_be_empty_where_that_is_allowed(value: str | None) -> None:
    assert set_uid(value, "uid") == value


def test_an_empty_or_missing_uid_is_refused() -> None:
    with pytest.raises(ValueError, match="'uid' must not be empty"):
        set_uid("", "uid", allow_empty=False)
    with pytest.raises(TypeError, match="'uid' must be str, bytes, UID, not NoneType"):
        set_uid(None, "uid", allow_none=False)


def test_a_uid_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="'uid' must be str, bytes, UID or None, not int"):
        set_uid(5, "uid")  # type: ignore[arg-type]


def test_a_long_uid_is_refused_unless_it_is_not_checked() -> None:
    with pytest.raises(ValueError, match="1 to 64 characters"):
        set_uid("1" * 65, "uid")
    assert set_uid("1" * 65, "uid", validate=False) == "1" * 65


def test_a_uid_that_is_not_conformant_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert set_uid("1.02", "uid") == "1.02"
    assert "'uid' is not a conformant UID: '1.02'" in caplog.text


def test_a_uid_that_is_not_conformant_can_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert validate_uid("1.02")
    monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", True)
    assert not validate_uid("1.02")
    with pytest.raises(ValueError, match="leading zeros"):
        set_uid("1.02", "uid")


@pytest.mark.parametrize(("uid", "valid"), [("1", True), ("1" * 64, True), ("", False), ("1" * 65, False)])
def test_a_uid_is_valid_by_its_length(uid: str, valid: bool) -> None:
    assert validate_uid(uid) is valid


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="default")


def in_new_context(fn: Any) -> Any:
    return contextvars.Context().run(fn)


def test_a_target_sees_the_context_only_when_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    def made() -> Any:
        VARIABLE.set("of the maker")
        return make_target(VARIABLE.get)

    assert in_new_context(in_new_context(made)) == "default"
    monkeypatch.setattr(_config, "PASS_CONTEXTVARS", True)
    assert in_new_context(in_new_context(made)) == "of the maker"


def test_a_target_may_be_entered_again_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "PASS_CONTEXTVARS", True)

    def count(n: int) -> int:
        return n if n == 3 else target(n + 1)

    target = make_target(count)
    assert target(0) == 3


@pytest.mark.parametrize("resolution", [1, None])
def test_the_timer_resolution_can_be_asked_for(resolution: int | None) -> None:
    with set_timer_resolution(resolution):
        pass
