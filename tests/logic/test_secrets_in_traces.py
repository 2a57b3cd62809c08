"""Neither credentials nor patients are in what is shown of a trace, unless patients are asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from dicomwire.dimse.command import Command
from dicomwire.traces import RecordKind, Trace, deviations, page, show
from dicomwire.upper_layer.items import UnknownItem, UserIdentityACItem, UserIdentityRQItem, UserItem
from tests.support.made_traces import ACCEPT, RECEIVED, REQUEST, SENT, made, p_data

SECRET = b"Zyx^Wvut"
FIND = Command(command_field=0x0020, message_id=1, affected_sop_class_uid="1.2.840.10008.1.1", command_data_set_type=1)
STORE = evolve(FIND, command_field=0x0001, affected_sop_instance_uid="1.2.3")
NAME = b"\x10\0\x10\0\x08\0\0\0" + SECRET
"""PatientName in implicit VR little endian."""


def identities() -> st.SearchStrategy[UserItem]:
    """Who a user is, in the right place, in a wrong one, or of a kind that nobody knows."""
    return st.one_of(
        st.builds(
            UserIdentityRQItem,
            user_identity_type=st.integers(0, 255),
            positive_response_requested=st.booleans(),
            primary_field=st.just(SECRET),
            secondary_field=st.sampled_from((b"", SECRET)),
        ),
        st.builds(UserIdentityACItem, server_response=st.just(SECRET)),
        st.builds(UnknownItem, st.sampled_from((0x5A, 0x99, 0xFF)), st.just(SECRET)),
    )


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """What both sides say, with the secret wherever a secret belongs."""
    asked = evolve(
        REQUEST, user_information=tuple(draw(st.lists(identities(), max_size=3))), unknown_items=draw(_strays())
    )
    answered = evolve(ACCEPT, user_information=tuple(draw(st.lists(identities(), max_size=2))))
    fragments = [FIND, STORE, evolve(FIND, command_field=0x8020, status=0xFF00)]
    sent = b"".join(
        p_data(3, draw(st.sampled_from(fragments)).encode() + draw(st.sampled_from((b"", NAME))))
        + b"".join(p_data(0, NAME) for _ in range(draw(st.integers(0, 2))))
        + draw(st.sampled_from((p_data(2, NAME), p_data(2, SECRET), p_data(1, NAME) + p_data(3, NAME), b"")))
        for _ in range(draw(st.integers(0, 3)))
    )
    lost = draw(st.sampled_from((b"", NAME, SECRET * 3, b"\4\0\0\0\0\x12" + SECRET * 2 + b"ab")))
    return asked.encode() + sent + lost, answered.encode() + sent


def _strays() -> st.SearchStrategy[tuple[UnknownItem, ...]]:
    return st.lists(st.builds(UnknownItem, st.just(0x77), st.just(SECRET)), max_size=2).map(tuple)


def recorded(sent: bytes, received: bytes, cuts: list[int]) -> Trace:
    """Both streams in pieces."""
    said: list[tuple[float, RecordKind, bytes]] = []
    for kind, data in ((SENT, sent), (RECEIVED, received)):
        at = 0
        for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
            said.append((0.01, kind, data[at:cut]))
            at = cut
    return made(said)


def is_in(text: str) -> bool:
    """The secret, as it is or in hexadecimal digits."""
    spellings = SECRET.decode(), SECRET.hex(), SECRET.hex(" ")
    return any(spelling in text for spelling in spellings)


SHOWN: dict[str, Callable[[Trace], str]] = {
    "text": lambda trace: "\n".join(show(trace)),
    "page": lambda trace: page(trace, title="x"),
    "check": lambda trace: "\n".join(map(str, deviations(trace.associations[0]))),
}


@given(streams(), st.lists(st.integers(0, 4000), max_size=4), st.integers(0, 4000))
def test_nothing_that_is_shown_has_a_secret(said: tuple[bytes, bytes], cuts: list[int], torn: int) -> None:
    sent, received = said
    # The whole, and a stream that ends anywhere.
    for one in (sent, sent[: torn % (len(sent) + 1)]):
        trace = recorded(one, received, cuts)
        assert {what: is_in(make(trace)) for what, make in SHOWN.items()} == dict.fromkeys(SHOWN, False)


@pytest.mark.parametrize(
    "make", [lambda trace: "\n".join(show(trace, patient_data=True)), lambda trace: page(trace, patient_data=True)]
)
def test_patients_are_shown_to_who_asks_for_them(make: Callable[[Trace], str]) -> None:
    sent = REQUEST.encode(), p_data(3, FIND.encode()) + p_data(2, NAME)
    trace = made([(0.1, SENT, sent[0]), (0.1, RECEIVED, ACCEPT.encode()), (0.1, SENT, sent[1])])
    assert is_in(make(trace)) and "sesame" not in make(trace)
