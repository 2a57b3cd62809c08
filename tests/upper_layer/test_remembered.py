"""Association PDUs that come again are decoded once; whatever could tell one from another does."""

from __future__ import annotations

import attrs
import pytest

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer import remembered
from dicomwire.upper_layer.items import PresentationContextRQItem, UserIdentityACItem, UserIdentityRQItem, UserItem
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRQ, ReleaseRP, ReleaseRQ, decode_pdu
from dicomwire.upper_layer.remembered import decode_remembered, derive_from_both

LIMITS = Limits()
CONTEXT = PresentationContextRQItem(context_id=1, abstract_syntax="1.2", transfer_syntax=("1.2.840.10008.1.2",))


def encoded(calling: str, *items: UserItem, contexts: int = 1) -> bytes:
    proposed = tuple(attrs.evolve(CONTEXT, context_id=2 * number + 1) for number in range(contexts))
    return AssociateRQ(
        called_ae_title="ANY", calling_ae_title=calling, presentation_context=proposed, user_information=items
    ).encode()


def test_a_request_that_comes_again_is_the_same_value() -> None:
    data = encoded("SAME")
    first = decode_remembered(data, LIMITS)
    assert decode_remembered(bytes(bytearray(data)), LIMITS) is first
    assert first == decode_pdu(data) and first.received == data
    assert decode_remembered(encoded("OTHER"), LIMITS) != first


def test_it_is_judged_by_the_limits_of_who_receives_it() -> None:
    data = encoded("LIMITS", contexts=3)
    decode_remembered(data, LIMITS)
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="more than 2 presentation contexts"):
            decode_remembered(data, Limits(contexts=2))


@pytest.mark.parametrize("kind", [AssociateRQ, AssociateAC])
def test_who_the_user_is_is_not_kept(kind: type[AssociateRQ] | type[AssociateAC]) -> None:
    identity = UserIdentityRQItem(user_identity_type=2, primary_field=b"me", secondary_field=b"secret")
    item: UserItem = identity if kind is AssociateRQ else UserIdentityACItem(server_response=b"ticket")
    data = kind(called_ae_title="A", calling_ae_title="B", user_information=(item,)).encode()
    first = decode_remembered(data, LIMITS)
    again = decode_remembered(data, LIMITS)
    assert again == first and again is not first


def test_an_answer_that_is_kept_does_not_keep_the_user_of_its_request() -> None:
    def work_out(request: AssociateRQ, answer: AssociateAC) -> list[object]:
        return [request, answer]

    answer = decode_remembered(AssociateAC(called_ae_title="A", calling_ae_title="B").encode(), LIMITS)
    assert isinstance(answer, AssociateAC)
    identity = UserIdentityRQItem(user_identity_type=2, primary_field=b"me", secondary_field=b"secret")
    plain = AssociateRQ(called_ae_title="A", calling_ae_title="B")
    named = attrs.evolve(plain, user_information=(identity,))
    for request, is_kept in ((named, False), (plain, True)):
        first, again = (derive_from_both(request, answer, work_out) for _ in range(2))
        assert first == again == [request, answer]
        assert (first is again) is is_kept
        assert any(request in key for key in answer.derived_values if isinstance(key, tuple)) is is_kept


@pytest.mark.parametrize("kind", [ReleaseRQ, ReleaseRP])
def test_a_release_that_comes_again_is_the_same_value(kind: type[ReleaseRQ] | type[ReleaseRP]) -> None:
    data = kind().encode()
    first = decode_remembered(data, LIMITS)
    assert first == kind() and decode_remembered(bytes(bytearray(data)), LIMITS) is first


def test_long_ones_and_those_of_long_ago_are_not_kept() -> None:
    long = attrs.evolve(CONTEXT, transfer_syntax=tuple(f"1.2.{number:060}" for number in range(250)))
    data = AssociateRQ(called_ae_title="A", calling_ae_title="B", presentation_context=(long,)).encode()
    assert len(data) > 16 * 1024
    assert decode_remembered(data, LIMITS) is not decode_remembered(data, LIMITS)
    oldest = decode_remembered(encoded("OLDEST"), LIMITS)
    for number in range(32):
        decode_remembered(encoded(f"PEER {number}"), LIMITS)
    assert decode_remembered(encoded("OLDEST"), LIMITS) is not oldest


def test_as_many_are_kept_as_there_may_be_and_as_long_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_known", {})
    longest = encoded("LONGEST")
    monkeypatch.setattr(remembered, "_LONGEST", len(longest))
    kept = decode_remembered(longest, LIMITS)
    for number in range(31):
        decode_remembered(encoded(f"{number}"), LIMITS)
    assert decode_remembered(longest, LIMITS) is kept
    decode_remembered(encoded("31"), LIMITS)
    assert decode_remembered(longest, LIMITS) is not kept


def test_as_much_is_kept_of_a_value_as_there_may_be() -> None:
    pdu = ReleaseRQ()
    for key in range(64):
        pdu.derive(key, object)
    first = pdu.derive(0, object)
    assert pdu.derive(0, object) is first
    pdu.derive(64, object)
    assert pdu.derive(0, object) is not first


def test_what_is_worked_out_is_worked_out_once_for_each_key_and_each_value() -> None:
    pdu, made = ReleaseRQ(), list[int]()

    def work_out() -> int:
        made.append(len(made))
        return len(made)

    assert [pdu.derive(key, work_out) for key in ("one", "two", "one")] == [1, 2, 1]
    assert attrs.evolve(pdu).derive("one", work_out) == 3
    for key in range(64):
        pdu.derive(key, work_out)
    assert pdu.derive("one", work_out) > 3
