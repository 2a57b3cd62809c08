"""N-EVENT-REPORT at any time: beside requests, after them, in idle times, and on associations of its own."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import build_context, build_role, evt
from dicomwire.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance
from tests.support.adapters import LOCALHOST, VERIFICATION, Recorder, World, done, keep, port_of
from tests.support.finding import match
from tests.support.normalized import COMMITMENT, FILM_SESSION, SAID
from tests.support.scripted import accepting, ask, hear, reply, uid
from tests.support.sessions import us
from tests.support.streams import ABORT, RELEASE_RQ

WELL_KNOWN = "1.2.840.10008.1.20.1.1"

ALL_COMMITTED, FAILURES = 1, 2


def transaction(number: int) -> Dataset:
    dataset = Dataset()
    dataset.TransactionUID = f"1.2.9.{number}"
    return dataset


class Committing:
    """A storage commitment SCP: takes requests, and reports the results later."""

    def __init__(self, world: World) -> None:
        self.asked = world.signal()
        self.associations: list[Any] = []
        self.transactions: list[Any] = []

    def __call__(self, event: evt.Event) -> Any:
        assert (event.action_type, event.request.RequestedSOPInstanceUID) == (1, WELL_KNOWN)
        self.transactions.append(event.action_information)
        self.associations.append(event.assoc)
        self.asked.set()
        return 0x0000, None

    async def report(self, event_type: int = ALL_COMMITTED, association: Any = None) -> Any:
        association = association or self.associations[-1]
        arguments = self.transactions[-1], event_type, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        return await done(association.send_n_event_report(*arguments))


async def request_commitment(association: Any) -> Any:
    arguments = transaction(7), 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    status, _ = await done(association.send_n_action(*arguments))
    return status.Status


def test_the_names_are_those_of_the_registry() -> None:
    assert (StorageCommitmentPushModel, StorageCommitmentPushModelInstance) == (COMMITMENT, WELL_KNOWN)


@pytest.mark.parametrize("busy", [False, True])
async def test_the_result_comes_on_the_same_association_after_the_handler_has_returned(
    world: World, busy: bool
) -> None:
    """From another thread or task than the handler's, while the requester is idle or sends other requests."""
    provider = Committing(world)
    reported = world.signal()
    seen: list[Any] = []

    def receive(event: evt.Event) -> Any:
        seen.append((event.event_type, event.event_information, event.context.abstract_syntax, event.assoc))
        reported.set()
        return 0x0000, SAID

    contexts = [build_context(COMMITMENT), build_context(VERIFICATION)]
    server = await world.serve([(evt.EVT_N_ACTION, provider)], contexts=contexts)
    association = await world.associate(server, contexts=contexts, evt_handlers=[(evt.EVT_N_EVENT_REPORT, receive)])

    async def later() -> Any:
        await provider.asked.wait()
        return await provider.report()

    job = world.start(later)
    async with world.using(association):
        assert await request_commitment(association) == 0x0000
        while busy and not reported.is_set:
            assert (await done(association.send_c_echo())).Status == 0
        await reported.wait()
        status, reply = await job.result()
    assert (status.Status, reply) == (0x0000, SAID)
    assert seen == [(ALL_COMMITTED, transaction(7), COMMITMENT, association)]
    assert association.is_released


async def test_the_result_comes_on_an_association_of_its_own_with_the_roles_exchanged(world: World) -> None:
    provider = Committing(world)
    received: list[Any] = []
    provider_ae = world.ae("PROVIDER")
    contexts = [build_context(COMMITMENT)]
    server = await world.serve([(evt.EVT_N_ACTION, provider)], ae=provider_ae, contexts=contexts)

    ours = build_context(COMMITMENT)
    ours.scu_role, ours.scp_role = False, True
    handlers = [(evt.EVT_N_EVENT_REPORT, lambda event: keep(received, event.event_type, (0x0000, None)))]
    requester = await world.serve(handlers, ae=world.ae("REQUESTER"), contexts=[ours])
    association = await world.associate(server, contexts=contexts)
    assert await request_commitment(association) == 0x0000
    await done(association.release())

    back = await done(
        provider_ae.associate(
            LOCALHOST, port_of(requester), contexts=contexts, ext_neg=[build_role(COMMITMENT, scp_role=True)]
        )
    )
    (context,) = back.accepted_contexts
    assert (context.as_scu, context.as_scp) == (False, True)
    status, reply = await provider.report(FAILURES, back)
    assert (status.Status, reply) == (0x0000, Dataset())
    assert received == [FAILURES]
    # It has given up the other role.
    with pytest.raises(ValueError, match="SCU"):
        await request_commitment(back)
    await done(back.release())


async def test_a_report_inside_a_handler_is_served_while_its_request_is_outstanding(world: World) -> None:
    said: list[Any] = []

    async def act(event: evt.Event) -> Any:
        status, reply = await done(event.assoc.send_n_event_report(match("Now"), 5, FILM_SESSION, "1.2.3", msg_id=8))
        said.append((status.Status, reply))
        return 0x0000, match("Done")

    async def receive(event: evt.Event) -> Any:
        said.append((event.event_type, event.event_information))
        return 0x0107, SAID

    contexts = [build_context(FILM_SESSION)]
    server = await world.serve([(evt.EVT_N_ACTION, act)], contexts=contexts)
    association = await world.associate(server, contexts=contexts, evt_handlers=[(evt.EVT_N_EVENT_REPORT, receive)])
    status, reply = await done(association.send_n_action(None, 1, FILM_SESSION, "1.2.3", msg_id=8))
    assert (status.Status, reply) == (0x0000, match("Done"))
    assert said == [(5, match("Now")), (0x0107, SAID)]
    await done(association.release())


async def test_a_report_is_served_beside_another_handler_of_the_association(world: World) -> None:
    """With a larger window, the requestor may report while the acceptor is in the middle of a handler."""
    started, reported = world.signal(), world.signal()

    async def act(event: evt.Event) -> Any:
        started.set()
        await reported.wait()
        return 0x0000, None

    async def report() -> Any:
        await started.wait()
        return await done(association.send_n_event_report(None, 1, FILM_SESSION, "1.2.3", msg_id=2))

    def receive(event: evt.Event) -> Any:
        reported.set()
        return 0x0000, None

    contexts = [build_context(FILM_SESSION)]
    server_ae, client_ae = world.ae("SERVER"), world.ae("CLIENT")
    server_ae.asynchronous_operations = client_ae.asynchronous_operations = (2, 2)
    server = await world.serve(
        [(evt.EVT_N_ACTION, act), (evt.EVT_N_EVENT_REPORT, receive)], ae=server_ae, contexts=contexts
    )
    association = await world.associate(server, ae=client_ae, contexts=contexts)
    job = world.start(report)
    status, _ = await done(association.send_n_action(None, 1, FILM_SESSION, "1.2.3"))
    assert status.Status == 0
    assert (await job.result())[0].Status == 0
    await done(association.release())


async def test_the_handler_of_a_report_may_send_requests_while_one_is_outstanding(world: World) -> None:
    """They wait until that one is answered, and do not wait for ever."""
    go_on, started = world.signal(), world.signal()
    associations: list[Any] = []

    async def echo(event: evt.Event) -> int:
        associations.append(event.assoc)
        started.set()
        await go_on.wait()
        return 0x0000

    async def receive(event: evt.Event) -> Any:
        go_on.set()
        status, attributes = await done(event.assoc.send_n_get([], FILM_SESSION, "1.2.3", msg_id=9))
        assert (status.Status, attributes) == (0x0000, SAID)
        return 0x0000, None

    async def report() -> Any:
        await started.wait()
        return await done(associations[0].send_n_event_report(None, 1, FILM_SESSION, "1.2.3"))

    contexts = [build_context(FILM_SESSION), build_context(VERIFICATION)]
    handlers = [(evt.EVT_C_ECHO, echo), (evt.EVT_N_GET, lambda event: (0x0000, SAID))]
    server = await world.serve(handlers, contexts=contexts)
    association = await world.associate(server, contexts=contexts, evt_handlers=[(evt.EVT_N_EVENT_REPORT, receive)])
    job = world.start(report)
    assert (await done(association.send_c_echo())).Status == 0x0000
    assert (await job.result())[0].Status == 0x0000
    await done(association.release())


async def test_without_a_handler_a_report_is_answered_and_the_association_goes_on(world: World) -> None:
    provider = Committing(world)
    contexts = [build_context(COMMITMENT), build_context(VERIFICATION)]
    server = await world.serve([(evt.EVT_N_ACTION, provider)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    async with world.using(association):
        assert await request_commitment(association) == 0x0000
        status, reply = await world.start(provider.report).result()
        assert (status.Status, reply) == (0x0110, None)
        assert (await done(association.send_c_echo())).Status == 0


async def test_other_requests_need_the_scu_role_on_the_acceptors_side(world: World) -> None:
    raised: list[Any] = []

    async def act(event: evt.Event) -> Any:
        with pytest.raises(ValueError, match="SCU"):
            await done(event.assoc.send_n_get([], FILM_SESSION, "1.2.3"))
        raised.append(True)
        return 0x0000, None

    contexts = [build_context(FILM_SESSION)]
    server = await world.serve([(evt.EVT_N_ACTION, act)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    assert (await done(association.send_n_action(None, 1, FILM_SESSION, "1.2.3")))[0].Status == 0
    assert raised == [True]
    await done(association.release())


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("what", ["report", "abort", "release"])
async def test_what_arrives_together_with_a_response_is_not_left_lying(world: World, what: str, asked: bool) -> None:
    """In one segment with the response that an operation waits for, or the acceptance; nobody calls afterwards."""
    listener = await world.listen()
    answered, noticed = world.signal(), Recorder()
    report = ask(1, 0x0100, FILM_SESSION, uid(0x1000, "1.2.3"), us(0x1002, 1), message_id=9)
    more = {"report": report, "abort": ABORT, "release": RELEASE_RQ}[what]

    async def peer() -> Any:
        other = await accepting(listener, more=b"" if asked else more)
        if asked:
            await hear(other)
            await other.send(reply(1, 0x0110, 0x0000) + more)
        said = await hear(other) if what == "report" else None
        answered.set()
        await other.rest()
        await other.close()
        return said

    def receive(event: evt.Event) -> Any:
        return 0x0000, None

    job = world.start(peer)
    association = await world.associate(
        listener,
        contexts=[build_context(FILM_SESSION)],
        evt_handlers=[
            (evt.EVT_N_EVENT_REPORT, receive),
            *noticed.bindings(evt.EVT_ABORTED, evt.EVT_RELEASED),
        ],
    )
    async with world.using(association):
        if asked:
            status, _ = await done(association.send_n_get([], FILM_SESSION, "1.2.3"))
            assert status.Status == 0x0000
        if what == "report":
            await answered.wait()
            await done(association.abort())
            assert (await job.result()).status == 0x0000
        else:
            await world.until(lambda: noticed.names)
            assert noticed.names == ["ABORTED" if what == "abort" else "RELEASED"]
            assert not association.is_established
            await job.result()
