"""``assoc.requestor`` and ``assoc.acceptor`` without an association: contexts, items, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire import build_context, build_role
from dicomwire.associations.service_user import ServiceUser
from dicomwire.associations.sides import Side
from dicomwire.upper_layer.pdus import AssociateRQ

CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize(
    ("mode", "own", "other"), [("requestor", "requested", "supported"), ("acceptor", "supported", "requested")]
)
def test_before_negotiation_a_side_has_its_own_contexts_and_no_others(mode: str, own: str, other: str) -> None:
    user: Any = ServiceUser(mode)
    given = build_context(CT)
    setattr(user, f"{own}_contexts", [given])
    (context,) = user.get_contexts(own)
    assert context == given and context is not given
    assert getattr(user, f"{own}_contexts") == [given] and getattr(user, f"{other}_contexts") == []
    for wrong in (other, "pcdl", "pcdrl", "something"):
        with pytest.raises(ValueError, match=rf"^the association {mode} has no contexts '{wrong}' now$"):
            user.get_contexts(wrong)
    with pytest.raises(AttributeError, match=f"{mode} has no {other} contexts"):
        setattr(user, f"{other}_contexts", [given])


def test_what_is_no_item_is_named() -> None:
    user, wrong = ServiceUser("requestor"), ("no", "item")
    given: Any = wrong
    for change in (user.add_negotiation_item, user.remove_negotiation_item):
        with pytest.raises(TypeError, match=r"^tuple is no negotiation item$"):
            change(given)


def test_an_item_is_there_until_it_is_removed() -> None:
    user = ServiceUser("requestor")
    role = build_role(CT, scp_role=True)
    user.add_negotiation_item(role)
    assert user.extended_negotiation == [role]
    user.remove_negotiation_item(role)
    assert user.extended_negotiation == []


def test_nothing_is_changed_once_it_was_said() -> None:
    side = Side()
    side.say(AssociateRQ(called_ae_title="CALLED", calling_ae_title="CALLING"))
    user: Any = ServiceUser("requestor", side)
    assert not user.writeable
    refused = r"^the association requestor cannot be changed after negotiation has begun$"
    for name, value in (("ae_title", "A"), ("maximum_length", 1), ("implementation_class_uid", "1.2")):
        with pytest.raises(RuntimeError, match=refused):
            setattr(user, name, value)
    assert user.ae_title == "CALLING"
