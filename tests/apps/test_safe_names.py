"""File names from what peers send."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from dicomwire.safe_names import safe_name

LONGEST = "1." * 31 + "12"


@pytest.mark.parametrize("uid", ["1", "1.2.840.10008", "0.01", LONGEST])
def test_a_proper_uid_is_its_own_name(uid: str) -> None:
    assert safe_name(uid) == uid


@pytest.mark.parametrize(
    ("uid", "begin"),
    [
        pytest.param("", "_", id="empty"),
        pytest.param(".", "_", id="dot"),
        pytest.param("..", "_", id="dots"),
        pytest.param("../../etc/passwd", "_..____", id="traversal"),
        pytest.param("/1.2", "_1.2", id="absolute"),
        pytest.param("1.2\0", "1.2_", id="nul"),
        pytest.param("1.2.", "1.2", id="dot-at-end"),
        pytest.param(".1.2", "1.2", id="hidden"),
        pytest.param("C:\\1", "___1", id="drive"),
        pytest.param("1.\u0662", "1._", id="other-digits"),
        pytest.param("1.\ud800", "1._", id="surrogate"),
        pytest.param(LONGEST + "3", LONGEST, id="too-long"),
    ],
)
def test_what_is_no_uid_is_made_harmless_and_marked(uid: str, begin: str) -> None:
    assert re.fullmatch(re.escape(begin) + r"[0-9._]*-[0-9a-f]{16}", safe_name(uid))


@given(st.text())
def test_a_name_is_always_a_plain_visible_file_name(uid: str) -> None:
    name = safe_name(uid)
    assert re.fullmatch(r"[0-9_]([0-9a-f._-]*[0-9a-f_])?", name) and len(name) <= 81


@given(st.text(alphabet="12./_\0", max_size=70), st.text(alphabet="12./_\0", max_size=70))
def test_two_uids_never_share_a_name(one: str, other: str) -> None:
    assert (safe_name(one) == safe_name(other)) is (one == other)
