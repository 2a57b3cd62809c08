"""The two sides of an association: which is ours, and what each has said."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire.associations.sides import Side, Sides
from dicomwire.upper_layer.items import (
    ImplementationClassUIDItem,
    ImplementationVersionNameItem,
    MaximumLengthItem,
    RoleSelectionItem,
    SOPClassExtendedItem,
    UserIdentityACItem,
    UserIdentityRQItem,
)
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRJ, AssociateRQ
from dicomwire.upper_layer.state import Role

IDENTITY = UserIdentityRQItem(user_identity_type=1, primary_field=b"me")
ANSWER = UserIdentityACItem(server_response=b"you")
ITEMS = (
    RoleSelectionItem(sop_class_uid="1.2", scu_role=False, scp_role=True),
    RoleSelectionItem(sop_class_uid="1.3", scu_role=True, scp_role=False),
    SOPClassExtendedItem(sop_class_uid="1.2", service_class_application_information=b"\1"),
)


def request(*items: Any) -> AssociateRQ:
    return AssociateRQ(called_ae_title="CALLED", calling_ae_title="CALLING", user_information=items)


def acceptance(*items: Any) -> AssociateAC:
    return AssociateAC(called_ae_title="CALLED", calling_ae_title="CALLING", user_information=items)


@pytest.mark.parametrize("role", [Role.REQUESTOR, Role.ACCEPTOR])
def test_one_side_is_ours(role: Role) -> None:
    sides = Sides(role)
    both = [sides.requestor, sides.acceptor]
    assert sides.role is role and sides.is_requestor is (role is Role.REQUESTOR)
    assert [sides.own, sides.peer] == (both if sides.is_requestor else both[::-1])


def test_where_the_peer_is_and_its_title_are_shown() -> None:
    sides = Sides(Role.REQUESTOR)
    assert sides.peer_name == sides.peer_in_full == "the peer"
    sides.peer.is_at(("192.0.2.7", 104), tuple)
    assert (sides.peer.address, sides.peer.address_type) == (("192.0.2.7", 104), tuple)
    assert sides.peer_name == sides.peer_in_full == "192.0.2.7:104"
    sides.peer.ae_title = "STORE\n  "
    assert sides.peer_in_full == r"192.0.2.7:104 (STORE\n)"


def test_what_is_always_said_is_said_as_far_as_it_is_set() -> None:
    side = Side()
    assert side.basic == (16382, None, None)
    assert side.basic_items() == [MaximumLengthItem(maximum_length=16382)]
    side.maximum_length, side.implementation_class_uid, side.implementation_version_name = None, "1.2", "V"
    changed: Any = side.basic
    assert changed == (None, "1.2", "V")
    assert side.basic_items() == [
        ImplementationClassUIDItem(implementation_class_uid="1.2"),
        ImplementationVersionNameItem(implementation_version_name="V"),
    ]


def test_a_side_that_has_said_nothing_or_no_has_no_items() -> None:
    rejection = AssociateRJ(result=1, source=1, reason_diagnostic=1)
    for said in (None, rejection):
        side = Side()
        if said is not None:
            side.say(said)
        assert side.said is said and side.negotiated is None
        assert side.roles() == {} and side.application_information() == {}
        assert side.identity() is None and side.identity_response() is None


def test_what_a_side_has_said_is_found() -> None:
    side, other = Side(), Side()
    side.say(request(*ITEMS, IDENTITY))
    other.say(acceptance(*ITEMS, ANSWER))
    for one in (side, other):
        assert one.roles() == {"1.2": (False, True), "1.3": (True, False)} and one.roles() is one.roles()
        assert one.application_information() == {"1.2": b"\1"}
        assert one.negotiated is one.said
    assert side.identity() == IDENTITY and side.identity_response() is None
    assert other.identity_response() == ANSWER and other.identity() is None


def test_the_requestor_says_its_title() -> None:
    sides = Sides(Role.ACCEPTOR)
    sides.requestor.say(request())
    sides.acceptor.say(acceptance())
    assert (sides.requestor.ae_title, sides.acceptor.ae_title) == ("CALLING", "")


def test_the_titles_are_those_of_the_request_or_those_that_are_known() -> None:
    ours, theirs = Sides(Role.REQUESTOR), Sides(Role.ACCEPTOR)
    assert ours.titles(request(), "OWN") == theirs.titles(request(), "OWN") == ("CALLED", "CALLING")
    assert ours.titles(None, "OWN") == ("-", "OWN")
    assert theirs.titles(None, "OWN") == ("-", "-")
    for sides in (ours, theirs):
        sides.acceptor.ae_title, sides.requestor.ae_title = " A\n ", " B "
        assert sides.titles(None, "OWN") == (r"A\n", "B")
    assert ours.titles(acceptance(), "OWN") == (r"A\n", "B")
