"""Storing instances of any kind in an archive, on associations that propose what they need (PS3.4 annex B)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define

from dicomwire._globals import DEFLATED, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from dicomwire._values import Shown
from dicomwire.associations.coroutines import outcome
from dicomwire.client.answered import Priority, priority_code
from dicomwire.client.failures import ConnectionLost, Failure
from dicomwire.client.proposing import proposal_of
from dicomwire.client.storing import Stored, store_many
from dicomwire.data.sources import EncodedDataSet, Storable, opened
from dicomwire.pooling.archive_verbs import HasLender, on_lent
from dicomwire.pooling.association_kind import AssociationKind
from dicomwire.pooling.lender import Lease
from dicomwire.vocabulary.contexts import build_context

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

T = TypeVar("T", bound=Storable)

MOST_PAIRS = 60
"""SOP classes with transfer syntaxes for one association, where each may need two of 128 presentation contexts."""


@define(repr=False, eq=False)
class Prepared(Shown, Generic[T]):
    """An instance, as far as its beginning tells."""

    instance: T
    source: Any = None
    """What is sent: the instance, or what was opened of it."""

    pair: tuple[str, str] = ("", "")
    """SOP class and transfer syntax."""

    position: int | None = None
    """Where a file object began; None if there is none, or it cannot go back."""

    error: Exception | None = None
    """Why it cannot be sent."""

    @property
    def can_repeat(self) -> bool:
        """It can be sent once more, from its beginning."""
        return self.position is not None or not hasattr(self.instance, "read")

    def rewind(self) -> Any:
        """What is to be sent, from its beginning."""
        if self.position is not None:
            self.source.seek(self.position)
        return self.source


async def store(self: HasLender, instances: T | Iterable[T], *, priority: Priority = "medium") -> list[Stored[T]]:
    """Store instances, or a single one: what became of each, in their order.

    An instance is a ``Dataset``, the path of a DICOM file, its bytes, or a binary file object.  Proposed is what they
    need to be sent as they are, on as few associations as hold it; uncompressed ones may also be converted to implicit
    VR.  Whatever is wrong with one of them is in its `Stored`, and the next follows.  When the association ends, that
    is said of the one that was under way, and of all behind it: it is not known whether the archive has them.

    Raises:
        Refused, AllInUse, PoolClosed: there is no association; nothing was stored.
        ValueError: a bad priority.
    """
    priority_code(priority)
    prepared = [_prepared(instance) for instance in _several(instances)]
    results: dict[int, Stored[T]] = {
        number: Stored(instance=each.instance, error=each.error)
        for number, each in enumerate(prepared)
        if each.error is not None
    }
    failed: Exception | None = None
    sent = False
    for numbers in _grouped(prepared):
        group = [prepared[number] for number in numbers]
        stored: list[Stored[T]] = []
        try:
            if failed is None:
                await _store_group(self, group, priority, stored)
        except Failure as error:
            if not sent and not stored and not isinstance(error, ConnectionLost):
                raise
            failed = error
        sent = sent or bool(stored)
        stored += [Stored(instance=each.instance, error=failed) for each in group[len(stored) :]]
        results.update(zip(numbers, stored, strict=True))
    return [results[number] for number in range(len(prepared))]


async def _store_group(
    archive: HasLender, group: list[Prepared[T]], priority: Priority, stored: list[Stored[T]]
) -> None:
    pairs = sorted({each.pair for each in group})
    contexts = [build_context(sop_class, [syntax]) for sop_class, syntax in pairs]
    # What every peer has to understand (PS3.5 10.1), for those that do not understand what it is in.
    classes = sorted({sop_class for sop_class, syntax in pairs if syntax in (EXPLICIT_LITTLE, DEFLATED)})
    contexts += [build_context(uid, [IMPLICIT_LITTLE]) for uid in classes if (uid, IMPLICIT_LITTLE) not in pairs]
    wanted = AssociationKind("store", proposal_of(contexts, None, ["echo"]), frozenset(pairs))

    async def work(lease: Lease[Any]) -> None:
        host = lease.client.line.host
        sources = (each.rewind() for each in group)
        stream = await outcome(host.face(store_many(lease.client, sources, priority=priority)))
        for each in group:
            one = await outcome(host.face(stream.__anext__()))
            stored.append(Stored(instance=each.instance, status=one.status, error=one.error))

    await on_lent(archive, wanted, work, lambda: stored or not group[0].can_repeat)


def _several(instances: T | Iterable[T]) -> Iterable[T]:
    from pydicom.dataset import Dataset

    single = (str, os.PathLike, bytes, bytearray, memoryview, Dataset, EncodedDataSet)
    if isinstance(instances, single) or hasattr(instances, "read"):
        one: Any = instances
        return [one]
    several: Any = instances
    return several  # type: ignore[no-any-return]


def _prepared(instance: T) -> Prepared[T]:
    try:
        return _looked_at(instance)
    except Exception as error:  # whatever an instance or its file raises
        return Prepared(instance, error=error)


def _looked_at(instance: T) -> Prepared[T]:
    from pydicom.dataset import Dataset

    source: Any = instance
    if isinstance(source, Dataset):
        return Prepared(instance, source, _pair_of(source))
    position: int | None = None
    if hasattr(source, "read") and hasattr(source, "seek"):
        try:
            position = source.tell()
        except (OSError, ValueError):
            # A pipe: what was read of it is kept for sending.
            position = None
    made = opened(source)
    with made as encoded:
        pair = (encoded.sop_class_uid, encoded.transfer_syntax_uid)
        if hasattr(source, "read") and position is None:
            return Prepared(instance, made, pair)
    if position is not None:
        source.seek(position)
    return Prepared(instance, source, pair, position)


def _pair_of(dataset: Dataset) -> tuple[str, str]:
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    # Without one it cannot be sent; why is said when that is tried.
    return str(dataset.SOPClassUID), str(syntax or EXPLICIT_LITTLE)


def _grouped(prepared: list[Prepared[T]]) -> Iterator[list[int]]:
    """Those that go over one association, by number."""
    group: list[int] = []
    pairs: set[tuple[str, str]] = set()
    for number, each in enumerate(prepared):
        if each.error is not None:
            continue
        if each.pair not in pairs and len(pairs) == MOST_PAIRS:
            yield group
            group, pairs = [], set()
        group.append(number)
        pairs.add(each.pair)
    if group:
        yield group
