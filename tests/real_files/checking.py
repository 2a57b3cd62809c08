"""Send each file in each way to each receiver, and judge what was stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from attrs import evolve, frozen

from tests.real_files.comparing import Contents, compare, is_identical, read
from tests.real_files.finding import Sample
from tests.real_files.receivers import OURS, Receiver
from tests.real_files.senders import NotAccepted, Refused, Way, ways

IDENTICAL = "identical"
"""The data set arrived byte by byte."""

EQUAL = "equal"
"""Every element arrived; the encoding differs as it must."""

DIFFERS = "differs"
REFUSED = "refused"
"""The sender sent nothing."""

BEHIND = "refused, DCMTK sends it"
NOT_ACCEPTED = "not accepted"
FAILED = "failed"
"""The receiver answered so, or nothing."""

UNFIT = "unfit for peer"
"""A peer's receiver takes it as little as its own senders send it."""

OUTCOMES = (IDENTICAL, EQUAL, NOT_ACCEPTED, REFUSED, UNFIT, BEHIND, DIFFERS, FAILED)
BAD = (BEHIND, DIFFERS, FAILED)


@frozen
class Result:
    """What became of one file, sent in one way to one receiver."""

    file: str
    notes: list[str]
    syntax: str
    """In which the file is."""

    way: str
    is_ours: bool
    receiver: str
    outcome: str
    reason: str = ""
    differences: tuple[str, ...] = ()
    tolerated: dict[str, int] | None = None
    """How many differences of each kind that are no loss."""

    @property
    def is_bad(self) -> bool:
        return self.outcome in BAD and (self.is_ours or self.receiver == OURS)

    def as_record(self) -> dict[str, Any]:
        names = ("file", "syntax", "way", "receiver", "outcome", "reason", "notes", "differences", "tolerated")
        return {name: value for name in names if (value := getattr(self, name))}


def check(
    sample: Sample, root: Path, receivers: list[Receiver], adapter: str, peers: tuple[str, ...]
) -> Iterator[Result]:
    """Every way and receiver; DCMTK's senders only to ours: its own receiver is no matter of ours."""
    found = [
        _attempt(sample, root, way, receiver)
        for receiver in receivers
        for way in ways(sample, adapter, peers)
        if way.is_ours or receiver.name == OURS
    ]
    others = [result.outcome for result in found if not result.is_ours]
    is_sent_by_others = bool({IDENTICAL, EQUAL, DIFFERS} & set(others))
    for result in found:
        if result.is_ours and result.outcome == REFUSED and is_sent_by_others and " as " not in result.way:
            yield evolve(result, outcome=BEHIND)
        elif result.outcome == FAILED and result.receiver != OURS and not is_sent_by_others:
            yield evolve(result, outcome=UNFIT)
        else:
            yield result


def _attempt(sample: Sample, root: Path, way: Way, receiver: Receiver) -> Result:
    receiver.clear()
    try:
        status = way.send(sample, receiver)
    except Refused as error:
        judged = _Judged(REFUSED, str(error))
    except NotAccepted as error:
        judged = _Judged(NOT_ACCEPTED, str(error))
    except Exception as error:
        judged = _Judged(FAILED, f"{type(error).__name__}: {error}")
    else:
        if status is None:
            judged = _Judged(FAILED, "no answer")
        elif status != 0 and status >> 12 != 0xB:
            judged = _Judged(FAILED, f"status 0x{status:04X}")
        else:
            judged = _judge(sample, way, receiver)
    return Result(
        str(sample.path.relative_to(root)) if sample.path != root else sample.path.name,
        sample.notes,
        sample.syntax,
        way.name,
        way.is_ours,
        receiver.name,
        *judged,
    )


class _Judged(NamedTuple):
    outcome: str
    reason: str = ""
    differences: tuple[str, ...] = ()
    tolerated: dict[str, int] | None = None


def _judge(sample: Sample, way: Way, receiver: Receiver) -> _Judged:
    files = receiver.take()
    if len(files) != 1:
        return _Judged(DIFFERS, f"{len(files)} files were stored")
    data = files[0].read_bytes()
    same = not way.syntax and is_identical(sample.data, data)
    if sample.contents is None:
        return _Judged(IDENTICAL) if same else _Judged(EQUAL, "pydicom cannot read it: not compared")
    try:
        arrived = read(data)
    except Exception as error:
        return _Judged(DIFFERS, f"what was stored cannot be read: {type(error).__name__}: {error}")
    comparison = compare(sample.contents, arrived)
    syntax = way.syntax or sample.syntax
    # DCMTK's storescu converts between uncompressed transfer syntaxes as it likes.
    differences = (*_uids(sample, arrived, syntax if way.is_ours else ""), *comparison.differences)
    tolerated = dict(Counter(each.partition(" (")[0] for each in comparison.tolerated))
    if differences:
        return _Judged(DIFFERS, "", differences, tolerated)
    return _Judged(IDENTICAL if same else EQUAL, tolerated=tolerated)


def _uids(sample: Sample, arrived: Contents, syntax: str) -> Iterator[str]:
    """What is wrong with the UIDs that were announced, which are those of the file meta information that was made."""
    sop_class, instance = sample.uids
    expected = {"MediaStorageSOPClassUID": sop_class, "MediaStorageSOPInstanceUID": instance}
    for keyword, uid in (expected | {"TransferSyntaxUID": syntax}).items():
        if uid and arrived.meta.get(keyword) != uid:
            yield f"{keyword} is {arrived.meta.get(keyword)}, should be {uid}"
