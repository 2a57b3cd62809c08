"""Whether a transport does what is asked of it: the entry to the checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

from attrs import frozen

from dicomwire.testing import ending_checks, stream_checks
from dicomwire.testing.channel_bench import Bench, Check, Factory, NetworkBench, ThreadBench
from dicomwire.testing.channel_fault import ChannelFault, Unfit

Adapter: TypeAlias = Literal["blocking", "asyncio", "trio", "memory"]


@frozen
class ChannelCheck:
    """One thing that is asked of a transport; its text is its name."""

    name: str
    """As a test might have it."""

    claim: str
    """The sentence that is to be true."""

    run: Check

    def __str__(self) -> str:
        return self.name


def _named(check: Check) -> ChannelCheck:
    name = getattr(check, "__name__", "")
    return ChannelCheck(name, (inspect.getdoc(check) or name).partition("\n")[0], check)


CHANNEL_CHECKS: tuple[ChannelCheck, ...] = tuple(
    _named(check)
    for check in (
        stream_checks.small_messages_are_not_held_back,
        stream_checks.bytes_arrive_in_order,
        stream_checks.memory_is_not_kept,
        stream_checks.a_large_write_is_whole,
        stream_checks.both_may_send_at_once,
        ending_checks.looking_does_not_wait,
        ending_checks.silence_has_a_deadline,
        stream_checks.a_read_given_up_loses_nothing,
        ending_checks.a_peer_that_does_not_read_is_noticed,
        ending_checks.the_end_of_the_stream_arrives,
        ending_checks.a_half_close_arrives,
        ending_checks.closing_may_be_repeated,
        ending_checks.closing_wakes_who_reads,
        ending_checks.closing_wakes_ones_own_read,
        ending_checks.a_peer_that_has_gone_is_noticed,
        ending_checks.a_write_that_waits_is_told_of_the_end,
        stream_checks.others_are_not_held_up_by_silence,
        stream_checks.others_are_not_starved,
    )
)
"""All of them, for ``pytest.mark.parametrize("check", CHANNEL_CHECKS, ids=str)``; simple ones come first."""


def check_channel(
    factory: Factory,
    adapter: Adapter = "blocking",
    *,
    half_close: bool = True,
    checks: Iterable[ChannelCheck] = CHANNEL_CHECKS,
    patience: float = 10.0,
) -> None:
    """Check a transport: whether its bytes arrive, and what it does when they do not.

    ``factory()`` makes the two ends of a new connection, a tuple; each check calls it, once or twice.  In asyncio and
    trio it is called in the loop and may be async; in memory it is given the ``Network``.  An end is what
    ``associate_over`` of that adapter takes: a ``Transport``, a ``connect``, a trio stream or an ``End``.  But for
    asyncio it may also be a function that makes a ``Channel`` of a session (and, blocking, the lock that guards it).

    Without ``half_close``, ``send_eof()`` may do nothing.  What has to come at once may take ``patience`` seconds.

    Raises:
        ChannelFault: it does not do what is asked of it; the first check that fails.
        Exception: what the factory raises.
    """
    make = _bench(adapter)
    for check in checks:
        try:
            make(factory, patience, half_close=half_close).run(check.run)
        except Unfit as unfit:
            found = unfit.finding
            raise ChannelFault(
                f"{check.name}: {check.claim}", asked=found.asked, came=found.came, look_at=found.look_at
            ) from unfit.__cause__


def _bench(adapter: Adapter) -> Callable[..., Bench]:
    if adapter == "blocking":
        return ThreadBench
    if adapter == "memory":
        return NetworkBench
    if adapter == "asyncio":
        from dicomwire.testing.loop_bench import LoopBench

        return LoopBench
    if adapter == "trio":
        from dicomwire.testing.nursery_bench import NurseryBench

        return NurseryBench
    raise ValueError(f"there is no adapter {adapter!r}, but blocking, asyncio, trio and memory")
