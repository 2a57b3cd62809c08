"""What became of an association and its contexts, in words, from what both sides have said and nothing else."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from dicomwire.associations.explanation import advice_without_connection, explain, how_it_ended, tell_refused, why_none
from dicomwire.associations.negotiated_contexts import NegotiatedContexts
from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.associations.sides import Sides
from dicomwire.associations.standing import Standing
from dicomwire.upper_layer.items import (
    PresentationContextACItem,
    PresentationContextRQItem,
    RoleSelectionItem,
    UserIdentityRQItem,
)
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRJ, AssociateRQ
from dicomwire.upper_layer.state import Role

CT, MR, ECHO = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.1"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
CLOSED_ADVICE = "or something else than DICOM on that port, or not accept our address"
SCU_ONLY = {CT: (True, False)}
NOT_KNOWN = "have it added to its configuration, or give the AE a title it knows"
BUSY = "be busy; acse_timeout is how long to wait for it"


class Association:
    """As much of one as is looked at; of each context its class, its result, and our roles if it was accepted."""

    def __init__(
        self,
        *contexts: tuple[str, int] | tuple[str, int, bool, bool],
        role: Role = Role.REQUESTOR,
        wishes: dict[str, tuple[bool, bool]] | None = None,
        granted: dict[str, tuple[bool, bool]] | None = None,
        answered: dict[int, int] | None = None,
        identity: bool = False,
    ) -> None:
        self.line: Any = self
        self.channel: Any = self
        self.transport_socket: Any = object()
        self.standing = Standing()
        self.sides = Sides(role)
        self.contexts = NegotiatedContexts()
        made = []
        for index, (uid, result, *roles) in enumerate(contexts):
            scu, scp = roles or (result == 0, False)
            made.append(NegotiatedContext(2 * index + 1, uid, (IMPLICIT,), result, as_scu=scu, as_scp=scp))
        self.contexts.set(made)
        proposed = tuple(
            PresentationContextRQItem(
                context_id=item.context_id, abstract_syntax=item.abstract_syntax, transfer_syntax=(IMPLICIT, EXPLICIT)
            )
            for item in made
        )
        said: list[Any] = _items(wishes)
        if identity:
            said.append(UserIdentityRQItem(user_identity_type=1, primary_field=b"me"))
        self.sides.requestor.say(
            AssociateRQ(
                called_ae_title="CALLED",
                calling_ae_title="CALLING",
                presentation_context=proposed,
                user_information=tuple(said),
            )
        )
        if made:
            results = {item.context_id: item.result for item in made} if answered is None else answered
            answers = tuple(
                PresentationContextACItem(context_id=number, result=result, transfer_syntax=IMPLICIT)
                for number, result in results.items()
            )
            self.sides.acceptor.say(
                AssociateAC(
                    called_ae_title="CALLED",
                    calling_ae_title="CALLING",
                    presentation_context=answers,
                    user_information=tuple(_items(granted)),
                )
            )

    def ended(self, why: str, *, outcome: str = "aborted", opened: bool = True, tls: bool = False) -> str:
        self.standing.was_opened = opened
        self.standing.end(outcome, why)
        if tls:
            self.transport_socket = ssl.SSLSocket
        return how_it_ended(self)


def _items(roles: dict[str, tuple[bool, bool]] | None) -> list[Any]:
    wishes = (roles or {}).items()
    return [RoleSelectionItem(sop_class_uid=uid, scu_role=scu, scp_role=scp) for uid, (scu, scp) in wishes]


@pytest.mark.parametrize(
    ("association", "said"),
    [
        (Association(), "nothing was negotiated yet"),
        (Association((CT, 0), (MR, 0)), "all 2 presentation contexts accepted"),
        (
            Association((CT, 0), (MR, 3)),
            "the peer accepted 1 and rejected 1 of 2: abstract syntax not supported: MR Image Storage",
        ),
        (
            Association((CT, 3), role=Role.ACCEPTOR),
            "we accepted 0 and rejected 1 of 1: abstract syntax not supported: CT Image Storage",
        ),
        (
            Association((CT, 4), (MR, 3), (ECHO, 3)),
            "the peer accepted 0 and rejected 3 of 3: "
            "2 abstract syntax not supported: MR Image Storage, Verification SOP Class; "
            "1 transfer syntax not supported: CT Image Storage (Implicit VR Little Endian, Explicit VR Little Endian)",
        ),
        (
            Association((CT, 0), (CT, 3)),
            "the peer accepted 1 and rejected 1 of 2: transfer syntax not supported "
            "(the peer calls it abstract syntax not supported): "
            "CT Image Storage (Implicit VR Little Endian, Explicit VR Little Endian)",
        ),
        (
            Association((CT, 2), answered={}),
            "the peer accepted 0 and rejected 1 of 1: not answered: CT Image Storage",
        ),
        (
            Association((CT, 2), answered={1: 0}),
            "the peer accepted 0 and rejected 1 of 1: accepted with a transfer syntax that was not proposed: "
            "CT Image Storage",
        ),
        (
            Association((CT, 2)),
            "the peer accepted 0 and rejected 1 of 1: rejected by the provider, without a reason: CT Image Storage",
        ),
        (Association((CT, 1)), "the peer accepted 0 and rejected 1 of 1: rejected by the user: CT Image Storage"),
        (Association((CT, 7)), "the peer accepted 0 and rejected 1 of 1: result 7: CT Image Storage"),
        (
            Association((CT, 1), wishes={CT: (False, True)}, granted={CT: (True, False)}),
            "the peer accepted 0 and rejected 1 of 1: no role left: CT Image Storage (asked for SCP, granted SCU)",
        ),
        (
            Association((CT, 1), wishes={CT: (True, True)}),
            "the peer accepted 0 and rejected 1 of 1: rejected by the user: CT Image Storage (asked for SCU and SCP)",
        ),
        (
            Association((CT, 1), wishes={CT: (True, True)}, granted={CT: (True, False)}),
            "the peer accepted 0 and rejected 1 of 1: rejected by the user: CT Image Storage",
        ),
        (
            Association((CT, 1), wishes={CT: (False, True)}, answered={1: 0}),
            "the peer accepted 0 and rejected 1 of 1: no role left: CT Image Storage (asked for SCP)",
        ),
        (
            Association((CT, 1), wishes={CT: (False, True)}, role=Role.ACCEPTOR),
            "we accepted 0 and rejected 1 of 1: no role left: CT Image Storage (asked for SCP)",
        ),
        (
            Association((CT, 0, True, False), wishes={CT: (True, True)}, granted={CT: (True, False)}),
            "all 1 presentation contexts accepted; we asked for SCU and SCP but got SCU: CT Image Storage",
        ),
        (
            Association((CT, 0, True, False), (CT, 0, True, False), (MR, 0), wishes={CT: (False, True)}),
            "all 3 presentation contexts accepted; "
            "we asked for SCP but got SCU, because the answer has no role selection for it: CT Image Storage",
        ),
        (
            Association(
                (CT, 0, False, True), wishes={CT: (True, True)}, granted={CT: (True, False)}, role=Role.ACCEPTOR
            ),
            "all 1 presentation contexts accepted; the peer asked for SCU and SCP but got SCU: CT Image Storage",
        ),
        (
            Association(
                (CT, 0, False, True), wishes={CT: (True, False)}, granted={CT: (True, False)}, role=Role.ACCEPTOR
            ),
            "all 1 presentation contexts accepted",
        ),
    ],
)
def test_what_became_of_the_contexts(association: Association, said: str) -> None:
    assert explain(association) == said


def test_only_so_many_are_named() -> None:
    many = Association(*((f"1.2.{number}", 3) for number in range(10)))
    named = ", ".join(f"1.2.{number}" for number in range(8))
    assert explain(many).endswith(f"abstract syntax not supported: {named} and 2 more")
    eight = Association(*((f"1.2.{number}", 3) for number in range(8)))
    assert explain(eight).endswith(f"abstract syntax not supported: {named}")


def test_what_was_refused_is_logged_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    refused = Association((CT, 0), (MR, 3))
    tell_refused(refused)
    assert not caplog.records, "not at this level"
    caplog.set_level("INFO")
    tell_refused(Association((CT, 0)))
    assert not caplog.records
    tell_refused(refused)
    (record,) = caplog.records
    assert record.getMessage() == explain(refused)


@pytest.mark.parametrize(
    ("why", "options", "said"),
    [
        ("timed out waiting", {}, f"timed out waiting, before the request was answered: it may expect TLS, or {BUSY}"),
        ("timed out waiting", {"tls": True}, f"timed out waiting, before the request was answered: it may {BUSY}"),
        (
            "connection closed",
            {},
            f"connection closed, before the request was answered: it may expect TLS, {CLOSED_ADVICE}",
        ),
        (
            "connection closed",
            {"tls": True},
            "connection closed, before the request was answered: "
            f"it may want a certificate of ours, from somebody it trusts, {CLOSED_ADVICE}",
        ),
        (
            "aborted by the peer",
            {},
            "aborted by the peer, before the request was answered: "
            "its log may say why; often it does not know our title or address",
        ),
        ("killed", {}, "killed, before the request was answered"),
        ("no connection", {"opened": False}, "no connection: ask somebody"),
        ("released", {"outcome": "released"}, "released"),
    ],
)
def test_why_there_is_none_and_what_to_do(why: str, options: Any, said: str) -> None:
    association = Association()
    association.standing.advice = "ask somebody"
    assert association.ended(why, **options) == said
    assert explain(association) == said


def test_an_acceptor_gets_no_advice() -> None:
    assert Association(role=Role.ACCEPTOR).ended("killed") == "killed, before the request was answered"
    assert how_it_ended(Association()) == ""


def test_what_was_negotiated_before_the_end_is_said_too() -> None:
    association = Association((CT, 0))
    assert association.ended("timed out waiting for a response") == (
        "timed out waiting for a response: dimse_timeout is how long to wait for it"
    )
    assert explain(association).endswith("to wait for it; all 1 presentation contexts accepted")
    assert Association((CT, 0)).ended("timed out waiting for traffic") == "timed out waiting for traffic"


@pytest.mark.parametrize(
    ("result", "source", "reason", "identity", "advice"),
    [
        (
            1,
            1,
            3,
            False,
            ": it does not know 'CALLING': have it added to its configuration, or give the AE a title it knows",
        ),
        (1, 1, 7, False, ": 'CALLED' is not its title: give its own as called AE title (ae_title)"),
        (2, 3, 2, False, ": try again later, or with fewer associations at a time"),
        (2, 3, 1, True, ": try again later, or with fewer associations at a time"),
        (2, 2, 1, True, ": it may not accept our user identity; its log may say more"),
        (2, 2, 1, False, ": try again later; its log may say why"),
        (1, 2, 1, False, ": its log may say why"),
    ],
)
def test_what_to_do_about_a_rejection(result: int, source: int, reason: int, identity: bool, advice: str) -> None:
    association = Association(identity=identity)
    association.sides.acceptor.say(AssociateRJ(result=result, source=source, reason_diagnostic=reason))
    assert association.ended("rejected", outcome="rejected") == f"rejected{advice}"


def test_who_was_rejected_by_hand_gets_no_advice() -> None:
    assert Association().ended("rejected", outcome="rejected") == "rejected"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ConnectionRefusedError(), "nobody listens there: check address and port, and that the peer is running"),
        (ConnectionResetError(), "it may expect TLS or not, unlike us, or not accept our address"),
        (TimeoutError(), "nobody answers: check the address, and firewalls in between"),
        (ssl.SSLError(1, "no"), "it may not speak TLS on that port, or not with this SSLContext"),
        (OSError(), None),
    ],
)
def test_what_to_do_without_a_connection(error: Exception, advice: str | None) -> None:
    assert advice_without_connection(error) == advice


def test_why_no_context_will_do() -> None:
    association = Association((CT, 0), (CT, 4), (MR, 3))
    said = "context 1 was accepted with Implicit VR Little Endian, we are SCU, context 3 with "
    said += "Implicit VR Little Endian, Explicit VR Little Endian was refused, transfer syntax not supported"
    assert why_none(association.sides, association.contexts, CT) == said
    assert why_none(association.sides, association.contexts, ECHO) == "it was not proposed"
    acceptor = Association((CT, 0), role=Role.ACCEPTOR)
    assert why_none(acceptor.sides, acceptor.contexts, ECHO) == "the peer did not propose it"
    many = Association(*[(CT, 3)] * 5)
    assert why_none(many.sides, many.contexts, CT).endswith(" and 1 more")
    nothing = Association((CT, 0, False, False))
    assert why_none(nothing.sides, nothing.contexts, CT).endswith("we are no role")
