"""The page of a trace: what is in it, in what words, and that it holds together."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from attrs import evolve

from dicomwire.dimse.command import Command
from dicomwire.traces import RecordKind, Trace, page
from dicomwire.upper_layer.items import PresentationContextACItem
from dicomwire.upper_layer.pdus import Abort, AssociateRJ, ReleaseRQ
from dicomwire.upper_layer.state import Role
from tests.support.made_traces import ACCEPT, RECEIVED, REQUEST, SENT, conversation, echoes, made, p_data

AT, BEFORE, WITHIN, IS_LIKE_ACK, WHO, LENGTH, LABEL, NOTE, TONE, LINES, BYTES = range(11)
FAILED = Command(command_field=0x8030, message_id_being_responded_to=1, status=0x0110)


def content(trace: Trace, **options: Any) -> dict[str, Any]:
    """What the page has to draw."""
    found = re.search('<script type="application/json" id="data">(.*?)</script>', page(trace, **options), re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def rows(trace: Trace, **options: Any) -> list[list[Any]]:
    """Those of the first association."""
    found: list[list[Any]] = content(trace, **options)["associations"][0]["rows"]
    return found


def test_a_page_runs_nothing_but_its_own_script_and_asks_nobody_for_anything() -> None:
    made_page = page(made(conversation(*echoes(1))), title="<night> & day")
    (policy,) = re.findall('Content-Security-Policy" content="([^"]*)"', made_page)
    for element in ("style", "script"):
        (text,) = re.findall(f"<{element}>(.*?)</{element}>", made_page, re.DOTALL)
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert "<title>&lt;night&gt; &amp; day</title>" in made_page and made_page.isascii()
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", made_page)


@pytest.mark.parametrize("role", list(Role))
def test_the_requestor_is_on_the_left_whoever_has_recorded(role: Role) -> None:
    said = conversation(*echoes(1))
    if role is Role.ACCEPTOR:
        other = {SENT: RECEIVED, RECEIVED: SENT, RecordKind.CLOSED: RecordKind.RECEIVED_END}
        said = [(since, other[kind], data) for since, kind, data in said]
    (association,) = content(made(said, role))["associations"]
    assert [row[WHO] for row in association["rows"]] == [0, 1, 0, 1, 0, 1, 2]
    assert association["titles"] == ["MODALITY", "ARCHIVE"] and association["recorder"] == int(role is Role.ACCEPTOR)
    assert association["end"] == "released by the requestor"
    assert association["waited"] == [pytest.approx(0.0005), pytest.approx(0.0033)]


def test_a_row_says_in_short_what_happened_and_in_full_when_it_is_unfolded() -> None:
    request, accept, ask, answer, *_ = rows(made(conversation(*echoes(1))))
    assert request[LABEL:LINES] == ["A-ASSOCIATE-RQ", "MODALITY to ARCHIVE", ""]
    assert accept[LABEL:LINES] == ["A-ASSOCIATE-AC", "1 of 1 presentation contexts accepted", "good"]
    assert ask[LABEL:LINES] == ["C-ECHO-RQ", "message ID 1", ""]
    assert answer[LABEL:LINES] == ["C-ECHO-RSP", "message ID 1, status 0x0000 (Success)", "good"]
    assert "  Calling AE title: MODALITY" in request[LINES] and "  Status: 0x0000" in answer[LINES]
    assert bytes.fromhex(answer[BYTES][0][0])[:1] == b"\4" and answer[BYTES][0][1:] == [0, ""]


@pytest.mark.parametrize(
    ("pdu", "label", "note"),
    [
        (AssociateRJ(result=1, source=1, reason_diagnostic=7).encode(), "A-ASSOCIATE-RJ", "Called AE title not"),
        (Abort(source=2, reason_diagnostic=2).encode(), "A-ABORT", "unexpected PDU"),
        (b"\4\0\0\0\0\1x", "Not decoded", "P-DATA-TF that cannot be decoded"),
        (b"GET / HTTP/1.1\r\n", "Not decoded", "begins with 47 45 54"),
        (p_data(3, FAILED.encode()), "C-ECHO-RSP", "0x0110"),
        (evolve(ACCEPT, presentation_context=()).encode(), "A-ASSOCIATE-AC", "0 of 0"),
    ],
)
def test_what_went_wrong_looks_so(pdu: bytes, label: str, note: str) -> None:
    row = rows(made([(0.1, SENT, REQUEST.encode()), (0.1, RECEIVED, pdu)]))[1]
    assert (row[LABEL], row[TONE]) == (label, "bad")
    assert note.lower() in row[NOTE].lower()


def test_waiting_is_measured_from_the_byte_before_and_within_a_pdu() -> None:
    pdu = p_data(3, FAILED.encode())
    in_two = [(0.0441, RECEIVED, pdu[:6]), (0.2, RECEIVED, pdu[6:])]
    row = rows(made(conversation(*in_two)))[2]
    assert row[BEFORE:WHO] == [pytest.approx(0.0441, abs=1e-5), pytest.approx(0.2, abs=1e-5), 1]


@pytest.mark.parametrize(("wait", "is_like"), [(0.030, 0), (0.044, 1), (0.1, 0), (0.2, 1), (0.4, 0)])
def test_the_wait_for_an_acknowledgement_is_known_by_its_length(wait: float, is_like: int) -> None:
    assert rows(made(conversation(*echoes(1, stall=wait, every=1))))[3][IS_LIKE_ACK] == is_like


def test_a_clock_that_is_set_back_makes_no_waits() -> None:
    found = rows(made([(0.1, SENT, REQUEST.encode()), (-5.0, RECEIVED, ACCEPT.encode()), (4.9, SENT, b"")]))
    assert [row[BEFORE] for row in found] == [pytest.approx(0.1, abs=1e-5), 0.0]


def test_contexts_and_deviations_are_told_as_by_the_other_commands() -> None:
    refused = PresentationContextACItem(context_id=1, result=3, transfer_syntax=None)
    said = [(0.1, SENT, REQUEST.encode()), (0.1, RECEIVED, evolve(ACCEPT, presentation_context=(refused,)).encode())]
    (association,) = content(made([*said, (0.1, SENT, ReleaseRQ().encode())]))["associations"]
    ((number, (name, uid), syntaxes, outcome, is_accepted),) = association["contexts"]
    assert (number, name, uid) == (1, "Verification SOP Class", "1.2.840.10008.1.1")
    assert syntaxes == [["Implicit VR Little Endian", "1.2.840.10008.1.2"]]
    assert outcome == "abstract syntax not supported" and not is_accepted
    assert "None of them is accepted; not accepted: 1 abstract syntax not supported." in association["words"]
    assert association["end"] == "not ended in this trace"
    assert ["requestor", "A-ASSOCIATE-RQ without maximum length", "PS3.8 D.1", 0.1] in association["deviations"]


def test_long_values_do_not_make_the_page_long() -> None:
    stored = p_data(2, bytes(1_000_000))
    without, whole = (page(made(conversation((0.1, SENT, stored))), patient_data=shown) for shown in (False, True))
    assert len(without) < len(whole) < len(without) + 2000


def test_an_empty_file_is_a_page_too() -> None:
    assert content(Trace(associations=[], remarks=["torn"])) == {
        **content(Trace(associations=[])),
        "remarks": ["torn"],
    }
