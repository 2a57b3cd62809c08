"""``explain()``, and what the errors of ``send_...`` say of presentation contexts."""

from __future__ import annotations

import re
import ssl
from typing import Any

import pytest

from dicomwire import build_context, build_role, evt
from dicomwire.associations.explanation import advice_without_connection
from dicomwire.pdu_primitives import UserIdentityNegotiation
from dicomwire.presentation import PresentationContext
from dicomwire.upper_layer import AssociateAC, AssociateRQ, decode_pdu
from dicomwire.upper_layer.items import (
    ImplementationClassUIDItem,
    MaximumLengthItem,
    PresentationContextACItem,
    RoleSelectionItem,
)
from dicomwire.upper_layer.limits import Limits
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, World, done
from tests.support.storing import instance

MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
JPEG, RLE = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"

RELEASE_RP = bytes.fromhex("06 00 00000004 00000000")

Answer = tuple[int, int, str]
"""Context ID, result, transfer syntax."""


def acceptance(request: AssociateRQ, answers: list[Answer], roles: tuple[RoleSelectionItem, ...] = ()) -> bytes:
    called, calling = request.titles
    return AssociateAC(
        called_ae_title=called,
        calling_ae_title=calling,
        presentation_context=tuple(
            PresentationContextACItem(context_id=number, result=result, transfer_syntax=syntax)
            for number, result, syntax in answers
        ),
        user_information=(
            MaximumLengthItem(maximum_length=0),
            ImplementationClassUIDItem(implementation_class_uid="1.2.3"),
            *roles,
        ),
    ).encode()


async def answered(
    world: World,
    contexts: list[PresentationContext],
    answers: list[Answer],
    *,
    roles: tuple[RoleSelectionItem, ...] = (),
    **options: Any,
) -> str:
    """What an association with a peer that answers so says."""
    listener = await world.listen()

    async def peer() -> None:
        other = await listener.accept()
        request = decode_pdu(await other.pdu(), Limits())
        assert isinstance(request, AssociateRQ)
        await other.send(acceptance(request, answers, roles))
        if (await other.pdu())[:1] == b"\5":
            await other.send(RELEASE_RP)
            await other.rest()
        await other.close()

    job = world.start(peer)
    association = await world.associate(listener, contexts=contexts, **options)
    said: str = association.explain()
    await done(association.release())
    await job.result()
    return said


async def test_it_counts_and_names_what_was_refused_for_each_reason(world: World) -> None:
    server = await world.serve(contexts=[build_context(VERIFICATION), build_context(CT_IMAGE_STORAGE)])
    contexts = [
        build_context(VERIFICATION),
        build_context(MR_IMAGE_STORAGE),
        build_context(CT_IMAGE_STORAGE, [JPEG, RLE]),
        build_context(CT_IMAGE_STORAGE, [RLE, "1.2.3.4"]),
    ]
    association = await world.associate(server, contexts=contexts)
    said = association.explain()
    assert "accepted 1 and rejected 3 of 4" in said
    assert re.search(r"1 abstract syntax not supported: MR Image Storage(;|$)", said)
    assert (
        "2 transfer syntax not supported: CT Image Storage (JPEG Baseline (Process 1), RLE Lossless, 1.2.3.4)" in said
    )
    (accepted,) = list(server.active_associations)
    assert accepted.explain().startswith("we accepted 1 and rejected 3 of 4")
    await done(association.release())


async def test_it_says_that_everything_was_accepted(world: World) -> None:
    association = await world.join()
    assert association.explain() == "all 2 presentation contexts accepted"
    await done(association.release())
    assert association.explain() == "all 2 presentation contexts accepted"


async def test_it_names_no_more_than_can_be_read(world: World) -> None:
    contexts = [build_context(f"1.2.3.{number}") for number in range(40)] + [build_context(VERIFICATION)]
    association = await world.associate(await world.serve(), contexts=contexts)
    said = association.explain()
    assert "rejected 40 of 41" in said and "1.2.3.7 and 32 more" in said and "1.2.3.8" not in said
    await done(association.release())


@pytest.mark.parametrize(("many", "end"), [(8, "1.2.3.7"), (9, "1.2.3.7 and 1 more")])
async def test_it_says_how_many_it_does_not_name(memory_world: World, many: int, end: str) -> None:
    contexts = [build_context(f"1.2.3.{number}") for number in range(many)] + [build_context(VERIFICATION)]
    association = await memory_world.associate(await memory_world.serve(), contexts=contexts)
    assert association.explain().endswith(end)


async def test_a_class_that_is_not_supported_lacks_no_role(memory_world: World) -> None:
    wish = [build_role(MR_IMAGE_STORAGE, scp_role=True)]
    contexts = [build_context(VERIFICATION), build_context(MR_IMAGE_STORAGE)]
    server = await memory_world.serve()
    association = await memory_world.associate(server, contexts=contexts, ext_neg=wish)
    assert association.explain().endswith("rejected 1 of 2: abstract syntax not supported: MR Image Storage")
    (accepted,) = list(server.active_associations)
    assert accepted.explain().endswith("rejected 1 of 2: abstract syntax not supported: MR Image Storage")


async def test_an_acceptor_that_leaves_no_role_says_so(memory_world: World) -> None:
    supported = [build_context(VERIFICATION), build_context(CT_IMAGE_STORAGE)]
    supported[1].scu_role, supported[1].scp_role = True, False
    server = await memory_world.serve(contexts=supported)
    contexts = [build_context(VERIFICATION), build_context(CT_IMAGE_STORAGE)]
    wish = [build_role(CT_IMAGE_STORAGE, scp_role=True)]
    await memory_world.associate(server, contexts=contexts, ext_neg=wish)
    (accepted,) = list(server.active_associations)
    assert "we accepted 1 and rejected 1 of 2: no role left: CT Image Storage (asked for SCP" in accepted.explain()


async def test_it_tells_unanswered_contexts_from_those_answered_badly(world: World) -> None:
    contexts = [
        build_context(uid, IMPLICIT) for uid in (VERIFICATION, CT_IMAGE_STORAGE, MR_IMAGE_STORAGE, "1.2.3", "1.4")
    ]
    said = await answered(world, contexts, [(1, 0, IMPLICIT), (5, 2, IMPLICIT), (7, 0, EXPLICIT), (9, 1, IMPLICIT)])
    assert "accepted 1 and rejected 4 of 5" in said
    assert "1 not answered: CT Image Storage" in said
    assert "1 rejected by the provider, without a reason: MR Image Storage" in said
    assert "1 accepted with a transfer syntax that was not proposed: 1.2.3" in said
    assert "1 rejected by the user: 1.4" in said


async def test_roles_that_were_not_granted_are_explained(world: World) -> None:
    contexts = [build_context(uid) for uid in (VERIFICATION, CT_IMAGE_STORAGE, MR_IMAGE_STORAGE)]
    supported = [build_context(uid) for uid in (VERIFICATION, CT_IMAGE_STORAGE, MR_IMAGE_STORAGE)]
    supported[1].scu_role, supported[1].scp_role = True, False
    server = await world.serve(contexts=supported)
    wishes = [build_role(CT_IMAGE_STORAGE, True, True), build_role(MR_IMAGE_STORAGE, True, True)]
    association = await world.associate(server, contexts=contexts, ext_neg=wishes)
    said = association.explain()
    assert "all 3 presentation contexts accepted" in said
    assert "we asked for SCU and SCP but got SCU: CT Image Storage" in said
    (accepted,) = list(server.active_associations)
    assert "the peer asked for SCU and SCP but got SCU: CT Image Storage" in accepted.explain()
    assert (
        "asked for SCU and SCP but got SCU, because the answer has no role selection for it: MR Image Storage" in said
    )
    assert "Verification" not in said
    await done(association.release())


async def test_a_context_without_a_role_is_explained(world: World) -> None:
    contexts = [build_context(VERIFICATION, IMPLICIT), build_context(CT_IMAGE_STORAGE, IMPLICIT)]
    said = await answered(
        world,
        contexts,
        [(1, 0, IMPLICIT), (3, 0, IMPLICIT)],
        roles=(RoleSelectionItem(sop_class_uid=CT_IMAGE_STORAGE, scu_role=True, scp_role=False),),
        ext_neg=[build_role(CT_IMAGE_STORAGE, scp_role=True)],
    )
    assert "rejected 1 of 2: no role left: CT Image Storage (asked for SCP, granted SCU)" in said


@pytest.mark.parametrize(
    ("granted", "words"),
    [
        ((False, True), "rejected 1 of 2: rejected by the user: CT Image Storage"),
        ((True, False), "rejected 1 of 2: no role left: CT Image Storage (asked for SCP, granted SCU)"),
        (None, "rejected 1 of 2: rejected by the user: CT Image Storage (asked for SCP)"),
    ],
)
async def test_a_context_that_the_peer_rejects_lacks_a_role_only_if_that_is_why(
    world: World, granted: tuple[bool, bool] | None, words: str
) -> None:
    contexts = [build_context(VERIFICATION, IMPLICIT), build_context(CT_IMAGE_STORAGE, IMPLICIT)]
    roles: tuple[RoleSelectionItem, ...] = ()
    if granted is not None:
        roles = (RoleSelectionItem(sop_class_uid=CT_IMAGE_STORAGE, scu_role=granted[0], scp_role=granted[1]),)
    answers = [(1, 0, IMPLICIT), (3, 1, IMPLICIT)]
    wish = [build_role(CT_IMAGE_STORAGE, scp_role=True)]
    assert words in await answered(world, contexts, answers, roles=roles, ext_neg=wish)


async def test_a_class_that_was_accepted_with_another_syntax_is_not_called_unsupported(world: World) -> None:
    contexts = [build_context(CT_IMAGE_STORAGE, IMPLICIT), build_context(CT_IMAGE_STORAGE, EXPLICIT)]
    said = await answered(world, [*contexts, build_context(MR_IMAGE_STORAGE, EXPLICIT)], [
        (1, 0, IMPLICIT), (3, 3, IMPLICIT), (5, 3, EXPLICIT),
    ])  # fmt: skip
    assert "transfer syntax not supported (the peer calls it abstract syntax not supported): CT Image Storage" in said
    assert "CT Image Storage (Explicit VR Little Endian)" in said
    assert "1 abstract syntax not supported: MR Image Storage" in said


async def test_no_accepted_context_is_explained(world: World) -> None:
    association = await world.associate(await world.serve(), contexts=[build_context(MR_IMAGE_STORAGE)])
    said = association.explain()
    assert said.startswith("no presentation context was accepted; ")
    assert "rejected 1 of 1: abstract syntax not supported: MR Image Storage" in said


async def test_what_a_peer_calls_a_sop_class_forges_no_line(world: World) -> None:
    server = await world.serve()
    association = await world.associate(server, contexts=[build_context("1.2\n3"), build_context(VERIFICATION)])
    (accepted,) = list(server.active_associations)
    for side in (association, accepted):
        assert "1.2\\n3" in side.explain() and "\n" not in side.explain()
    await done(association.release())


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ((1, 1, 3), ["calling", "does not know 'CLIENT'"]),
        ((1, 1, 7), ["called", "'ANY-SCP' is not its title", "ae_title"]),
        ((2, 3, 2), ["limit", "later"]),
        ((2, 2, 1), ["try again later", "log"]),
        ((1, 1, 1), ["its log may say why"]),
    ],
)
async def test_a_rejection_says_what_to_do(world: World, codes: tuple[int, int, int], words: list[str]) -> None:
    def reject(event: evt.Event) -> None:
        event.assoc.acse.send_reject(*codes)

    association = await world.associate(await world.serve([(evt.EVT_REQUESTED, reject)]))
    said = association.explain()
    assert said.startswith("rejected: ")
    assert all(word in said for word in words), said


async def test_a_refused_user_identity_is_thought_of(world: World) -> None:
    identity = UserIdentityNegotiation()
    identity.user_identity_type = 1
    identity.primary_field = b"somebody"
    server = await world.serve([(evt.EVT_USER_ID, lambda event: (False, None))])
    association = await world.associate(server, ext_neg=[identity])
    assert "user identity" in association.explain()
    assert "somebody" not in association.explain()


async def test_a_connection_that_is_refused_says_what_to_check(world: World) -> None:
    server = await world.serve()
    server.shutdown()
    association = await world.associate(server)
    said = association.explain()
    assert said.startswith("no connection: ") and "nobody listens there" in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLCertVerificationError("certificate verify failed"), "does not trust its certificate"),
        (ssl.SSLError("wrong version number"), "may not speak TLS"),
        (ConnectionRefusedError(), "nobody listens"),
        (ConnectionResetError(), "TLS"),
        (TimeoutError(), "nobody answers"),
    ],
    ids=lambda item: type(item).__name__,
)
def test_each_way_not_to_connect_has_its_advice(error: Exception, words: str) -> None:
    assert words in (advice_without_connection(error) or "")


def test_there_is_not_always_advice() -> None:
    assert advice_without_connection(OSError(113, "No route to host")) is None


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (bytes.fromhex("07 00 00000004 00000000"), ["aborted by the peer", "log"]),
        (b"", ["closed", "TLS"]),
    ],
    ids=["abort", "close"],
)
async def test_an_end_before_the_answer_says_so(world: World, reply: bytes, words: list[str]) -> None:
    listener = await world.listen()

    async def peer() -> None:
        other = await listener.accept()
        await other.pdu()
        if reply:
            await other.send(reply)
            await other.rest()
        await other.close()

    job = world.start(peer)
    association = await world.associate(listener)
    await job.result()
    said = association.explain()
    assert "before the request was answered" in said
    assert all(word in said for word in words), said


@pytest.mark.parametrize(("many", "is_said"), [(1, False), (100, True)])
async def test_a_peer_that_closes_at_a_long_request_may_find_it_too_long(
    world: World, many: int, is_said: bool
) -> None:
    listener = await world.listen()
    lengths: list[int] = []

    async def peer() -> None:
        other = await listener.accept()
        lengths.append(len(await other.pdu()))
        await other.close()

    job = world.start(peer)
    contexts = [build_context(f"1.2.3.{number}") for number in range(many)]
    association = await world.associate(listener, contexts=contexts)
    await job.result()
    words = f"or not take a request of {lengths[0]} bytes: try fewer presentation contexts than {many}"
    assert (words in association.explain()) is is_said


async def test_a_peer_that_closes_instead_of_a_response_is_said_to_give_no_reason(world: World) -> None:
    listener = await world.listen()

    async def peer() -> None:
        other = await listener.accept()
        request = decode_pdu(await other.pdu(), Limits())
        assert isinstance(request, AssociateRQ)
        await other.send(acceptance(request, [(1, 0, IMPLICIT)]))
        await other.pdu()
        await other.close()

    job = world.start(peer)
    association = await world.associate(listener, contexts=[build_context(VERIFICATION, IMPLICIT)])
    assert "Status" not in await done(association.send_c_echo())
    await job.result()
    assert association.explain().startswith("connection closed without release: its log may say why")


async def test_a_peer_that_never_answers_is_explained(world: World) -> None:
    listener = await world.listen()

    async def peer() -> None:
        other = await listener.accept()
        await other.rest()
        await other.close()

    job = world.start(peer)
    ae = world.ae()
    ae.acse_timeout = 0.05
    association = await world.associate(listener, ae=ae)
    await job.result()
    said = association.explain()
    assert "timed out" in said and "acse_timeout" in said and "it may expect TLS, or be busy" in said


async def test_a_lost_association_says_why_and_what_had_been_negotiated(world: World) -> None:
    association = await world.join([(evt.EVT_C_ECHO, lambda event: event.assoc.acse.send_abort(0))])
    assert not await done(association.send_c_echo())
    said = association.explain()
    assert said == "aborted by the peer (No reason given); all 2 presentation contexts accepted"


async def test_before_anything_was_negotiated_there_is_nothing_to_say(world: World) -> None:
    said: list[str] = []
    association = await world.join([(evt.EVT_REQUESTED, lambda event: said.append(event.assoc.explain()))])
    await done(association.release())
    assert said == ["nothing was negotiated yet"]


# -- errors of send_... --------------------------------------------------------------------------------------------
async def test_an_error_says_that_a_class_was_not_proposed(world: World) -> None:
    association = await world.join(contexts=[build_context(VERIFICATION)])
    with pytest.raises(ValueError, match=r"'CT Image Storage'.*: it was not proposed"):
        await done(association.send_c_store(instance()))
    await done(association.release())


async def test_an_error_says_why_the_contexts_of_a_class_were_refused(world: World) -> None:
    server = await world.serve(contexts=[build_context(VERIFICATION), build_context(CT_IMAGE_STORAGE, EXPLICIT)])
    contexts = [build_context(CT_IMAGE_STORAGE, JPEG), build_context(VERIFICATION), build_context(MR_IMAGE_STORAGE)]
    association = await world.associate(server, contexts=contexts)
    with pytest.raises(ValueError, match=r"context 1 with JPEG Baseline.* refused, transfer syntax not supported"):
        await done(association.send_c_store(instance()))
    with pytest.raises(ValueError, match=r"context 5 with .* refused, abstract syntax not supported"):
        await done(association.send_c_store(instance(SOPClassUID=MR_IMAGE_STORAGE)))
    await done(association.release())


async def test_an_error_says_that_a_context_was_accepted_in_other_ways(world: World) -> None:
    supported = build_context(CT_IMAGE_STORAGE, IMPLICIT)
    supported.scu_role, supported.scp_role = True, True
    server = await world.serve(contexts=[supported])
    role = build_role(CT_IMAGE_STORAGE, scp_role=True)
    association = await world.associate(server, contexts=[build_context(CT_IMAGE_STORAGE, IMPLICIT)], ext_neg=[role])
    with pytest.raises(ValueError, match=r"context 1 was accepted with Implicit VR Little Endian, we are SCP"):
        await done(association.send_c_store(instance()))
    await done(association.release())


async def test_an_acceptor_hears_that_the_peer_did_not_propose(world: World) -> None:
    heard: list[str] = []

    async def echo(event: evt.Event) -> int:
        try:
            await done(event.assoc.send_c_store(instance(SOPClassUID=MR_IMAGE_STORAGE)))
        except ValueError as error:
            heard.append(str(error))
        return 0

    association = await world.join([(evt.EVT_C_ECHO, echo)])
    assert (await done(association.send_c_echo())).Status == 0
    assert "the peer did not propose it" in heard[0]
    await done(association.release())
