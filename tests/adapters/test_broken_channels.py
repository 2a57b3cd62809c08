"""What the kit says of transports that do one thing wrong each: words that name it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from attrs import frozen

from dicomwire.testing import CHANNEL_CHECKS, ChannelCheck, ChannelFault, check_channel
from dicomwire.testing.channel_fault import difference, pattern
from tests.support import broken_channels as broken
from tests.support.broken_channels import pair
from tests.support.patience import SOON

CHECKS = {check.name: check for check in CHANNEL_CHECKS}
HANGS = 1.0
"""Seconds for what never ends."""


@frozen
class Case:
    """What is broken, the check that finds it, and the words it has for that."""

    factory: Any
    check: str
    words: str
    adapter: Any = "blocking"
    patience: float = SOON
    id: str = ""


def case(factory: Any, check: str, words: str, **more: Any) -> Any:
    name = factory.__name__
    if isinstance(factory, type) and factory is not broken.Crossed:
        factory = pair(factory)
    elif factory is broken.Crossed:
        factory = broken.Crossed()
    return pytest.param(Case(factory, check, words, **more), id=name)


CASES = [
    case(broken.StopsReading, "bytes_arrive_in_order", "the last .* are missing", patience=HANGS),
    case(broken.Reorders, "bytes_arrive_in_order", "in another order"),
    case(broken.Repeats, "bytes_arrive_in_order", "bytes twice"),
    case(broken.Leaks, "memory_is_not_kept", "a gap: behind the first 600 bytes 100 are missing", patience=HANGS),
    case(broken.Garbles, "bytes_arrive_in_order", "other bytes: number [0-9]+ is 0x0D, and not 0x0A"),
    case(broken.HoldsBack, "small_messages_are_not_held_back", "the last 10 are missing", patience=HANGS),
    case(broken.Truncates, "a_large_write_is_whole", "the last .* are missing", patience=HANGS),
    case(broken.queues, "memory_is_not_kept", "are missing|twice|other bytes"),
    case(broken.queues, "a_peer_that_does_not_read_is_noticed", "no TimeoutError: .* in somebody's memory"),
    case(broken.losing, "a_read_given_up_loses_nothing", "are missing", adapter="trio", patience=HANGS),
    case(broken.IgnoresDeadline, "silence_has_a_deadline", "for 0.1 s .*had not come to an end", patience=HANGS),
    case(broken.IgnoresDeadline, "looking_does_not_wait", "0 seconds.*had not come to an end", patience=HANGS),
    case(broken.TakesSilenceForTheEnd, "silence_has_a_deadline", "b'', the end of the stream"),
    case(broken.GivesUpAtOnce, "silence_has_a_deadline", r"TimeoutError after 0\.0"),
    case(broken.WaitsForEver, "a_peer_that_does_not_read_is_noticed", "had not come to an end", patience=HANGS),
    case(broken.ClosesWhenAllIsRead, "a_peer_that_does_not_read_is_noticed", "reads nothing.*come", patience=HANGS),
    case(broken.DropsHalfClose, "a_half_close_arrives", "not the end of the stream.*send_eof", patience=HANGS),
    case(broken.HalfCloseEndsBoth, "a_half_close_arrives", r"20,000 are missing.*send_eof\(\): nothing more is sent"),
    case(broken.SaysNoGoodbye, "the_end_of_the_stream_arrives", "not the end of the stream", patience=HANGS),
    case(broken.SaysNoGoodbye, "closing_wakes_who_reads", "close.. of the other end.*had not come", patience=HANGS),
    case(broken.ClosesOnce, "closing_may_be_repeated", "OSError: closed already"),
    case(broken.FailsOddly, "a_peer_that_has_gone_is_noticed", "ValueError: I/O .*, which is no OSError"),
    case(broken.FailsOddly, "a_write_that_waits_is_told_of_the_end", "ValueError: I/O .*, which is no OSError"),
    case(broken.WaitsAlone, "others_are_not_held_up_by_silence", "a lock that all share", patience=HANGS),
    case(broken.GivesNone, "looking_does_not_wait", "None, which is no bytes"),
    case(broken.Selfish, "others_are_not_starved", "a lock that all share", patience=HANGS),
    case(broken.Crossed, "others_are_not_starved", "were sent over the other connection"),
    case(broken.never_waiting, "others_are_not_starved", "nothing on the other, up to the end", adapter="trio"),
    case(broken.generous, "a_large_write_is_whole", r"receive_some\(65536\).*4,194,304 bytes at once", adapter="trio"),
]


@pytest.mark.parametrize("case", CASES)
def test_the_fault_is_named(case: Case) -> None:
    for is_last in (False, False, True):
        try:
            named(case)
            return
        except (AssertionError, pytest.fail.Exception):
            # On a busy machine a fault that takes an unlucky moment may not come, or come too late.
            if is_last:
                raise


def named(case: Case) -> None:
    with pytest.raises(ChannelFault) as caught:
        check_channel(case.factory, case.adapter, checks=[CHECKS[case.check]], patience=case.patience)
    text = str(caught.value).replace("\n", " ")
    assert text.startswith(f"{case.check}: {CHECKS[case.check].claim}")
    assert re.search(case.words, text), text


def test_a_loop_that_stands_still_is_named() -> None:
    try:
        with pytest.raises(ChannelFault, match="a call that blocks, or a lock that is held"):
            check_channel(broken.blocked, "trio", checks=[CHECKS["silence_has_a_deadline"]], patience=0.1)
    finally:
        broken.Blocks.go_on.set()


def test_the_first_fault_is_told() -> None:
    with pytest.raises(ChannelFault) as caught:
        check_channel(pair(broken.Reorders), patience=SOON)
    assert caught.value.check.startswith("small_messages_are_not_held_back: A few bytes arrive")
    assert "send(data, seconds) of 10 bytes" in caught.value.asked
    assert "in another order" in caught.value.came or "other bytes" in caught.value.came
    assert caught.value.look_at


def test_a_factory_that_makes_no_pair_is_told_so() -> None:
    with pytest.raises(TypeError, match="two ends of a connection, a tuple, and not a NoneType"):
        check_channel(lambda: None)
    with pytest.raises(ValueError, match="no adapter 'twisted', but blocking"):
        check_channel(lambda: None, "twisted")  # type: ignore[arg-type]


def test_checks_are_named_once_and_say_what_they_claim() -> None:
    assert len(CHECKS) == len(CHANNEL_CHECKS) >= 16
    assert all(isinstance(check, ChannelCheck) and str(check) == check.name for check in CHANNEL_CHECKS)
    assert all(check.claim.endswith(".") for check in CHANNEL_CHECKS)


def test_differences_are_told_in_words() -> None:
    sent = pattern(1000)
    assert difference(sent, sent) is None
    assert difference(sent, b"") == "0 of 1,000 bytes: the last 1,000 are missing"
    assert difference(sent, sent + b"xy") == "all 1,000 bytes, and behind them 2 that were not sent"
    assert "a gap: behind the first 500 bytes 100 are missing" in (difference(sent, sent[:500] + sent[600:]) or "")
    assert "the right bytes in another order" in (difference(sent, sent[::-1]) or "")
    assert "in another order" in (difference(sent, sent[500:] + sent[:500]) or "")
    assert "bytes twice: behind the first 200" in (difference(sent, sent[:200] + sent[100:]) or "")
    assert difference(b"abc", b"axc") == "other bytes: number 1 is 0x78, and not 0x62 as it was sent"
