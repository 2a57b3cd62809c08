"""The C-STORE sub-operations of C-GET and C-MOVE, and what is counted of them (PS3.4 C.4.2 and C.4.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from dicomwire._logging import logger, reason
from dicomwire._values import Shown
from dicomwire.associations.invoking import NoContext
from dicomwire.data.data_sets import encode_data_set
from dicomwire.data.sources import Opened, is_source
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import answer
from dicomwire.services.bulk_data import without_bulk_data as strip
from dicomwire.services.given_status import Response, own_comment
from dicomwire.vocabulary.statuses import STATUS_SUCCESS, STATUS_WARNING, code_to_category
from dicomwire.vocabulary.titles_and_uids import uid_name

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LOGGER = logger(__name__)

SUCCESS = 0x0000
SOME_FAILED = 0xB000
ALL_FAILED = 0xA702

_MOST = 0xFFFF
"""What fits into a counter: a handler may yield any number of things that are no instances."""

_MOST_NAMED = 8

Open = Callable[[Any], Awaitable[Opened]]
"""Opens what is no ``Dataset``."""

Store = Callable[[Any, int], Awaitable["Dataset"]]
"""Stores one instance with a message ID; gives the status."""


@define(eq=False, repr=False)
class SubOperations(Shown):
    """How far a C-GET or C-MOVE has come."""

    command: Command
    transfer_syntax: str
    announced: int
    remaining: int = field(init=False)
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_uids: list[str] = field(factory=list)
    without_context: dict[str, int] = field(factory=dict)
    """The SOP classes that could not be sent in any presentation context, and how many instances of each."""

    _next_id: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.remaining = self.announced
        self._next_id = self.command.message_id or 0

    @property
    def are_done(self) -> bool:
        return self.remaining <= 0

    def count(self, response: Command, *, remaining: bool) -> Command:
        """The response with the counters; how many remain belongs to Pending and Cancel only (PS3.7 9.1.3.1)."""
        return evolve(
            response,
            number_of_remaining_suboperations=max(0, self.remaining) if remaining else None,
            number_of_completed_suboperations=self.completed,
            number_of_failed_suboperations=min(self.failed, _MOST),
            number_of_warning_suboperations=self.warning,
        )

    async def store(self, instance: Any, open_: Open, store: Store, *, without_bulk_data: bool) -> None:
        """Store one instance, and count how it ended."""
        from pydicom.dataset import Dataset

        if not isinstance(instance, Dataset) and not is_source(instance):
            LOGGER.error("a handler yielded %s, which cannot be stored", type(instance).__name__)
            self.failed += 1
            return
        # After the last comes 1: some take a message ID of 0 for none.
        self._next_id = self._next_id % 0xFFFF + 1
        category = uid = None
        try:
            if isinstance(instance, Dataset):
                uid = str(instance.get("SOPInstanceUID") or "")
                status = await store(strip(instance) if without_bulk_data else instance, self._next_id)
            else:
                source = await open_(instance)
                with source as encoded:
                    uid = encoded.sop_instance_uid
                    status = await store(strip(encoded) if without_bulk_data else source, self._next_id)
            category = code_to_category(status.Status) if status else None
        except NoContext as error:
            self._had_no_context(error)
        except Exception as error:  # whatever the instance, its file or a lost association raises
            LOGGER.error("a sub-operation failed: %s: %s", type(error).__name__, reason(error))
            uid = uid or getattr(error, "sop_instance_uid", None)
        self.remaining -= 1
        if category == STATUS_SUCCESS:
            self.completed += 1
        elif category == STATUS_WARNING:
            self.warning += 1
        else:
            self.failed += 1
            if uid:
                self.failed_uids.append(uid)

    def _had_no_context(self, error: NoContext) -> None:
        """There may be thousands of a class: each is told once in the log, and counted."""
        count = self.without_context.get(error.abstract_syntax, 0)
        tell = LOGGER.debug if count else LOGGER.error
        tell("a sub-operation failed: %s", reason(error))
        self.without_context[error.abstract_syntax] = count + 1

    def _tell_without_context(self) -> str | None:
        """Say at the end which classes had no presentation context; what whoever asked should hear of it."""
        if not self.without_context:
            return None
        named = list(map(uid_name, self.without_context))[:_MOST_NAMED]
        counted = [f"{name} ({count})" for name, count in zip(named, self.without_context.values(), strict=False)]
        more = len(self.without_context) - len(named)
        LOGGER.error(
            "sub-operations failed for want of a presentation context: %s",
            ", ".join(counted) + (f" and {more} more SOP classes" if more else ""),
        )
        return own_comment(f"no context for {', '.join(named)}")

    def give_up(self) -> None:
        """What remains will not be done."""
        self.failed = max(self.failed, self.announced - self.completed - self.warning)
        self.remaining = 0

    def outcome(self) -> Response:
        """The final response when the handler has no more to say."""
        self.give_up()
        if not self.failed and not self.warning:
            code = SUCCESS
        elif not self.completed and not self.warning:
            code = ALL_FAILED
        else:
            code = SOME_FAILED
        return self.final(answer(self.command, code))

    def success(self) -> Response:
        """The final response when the handler says that it is done."""
        code = SOME_FAILED if self.failed or self.warning else SUCCESS
        return self.final(answer(self.command, code))

    def final(self, response: Command, given: Any = None, *, remaining: bool = False) -> Response:
        """``response`` with the counters and the list of failed instances, which the handler may have given."""
        from pydicom.dataset import Dataset

        listed = given if isinstance(given, Dataset) and given.get("FailedSOPInstanceUIDList") else None
        if listed is None and self.failed_uids:
            listed = Dataset()
            listed.FailedSOPInstanceUIDList = self.failed_uids
        data = None
        if listed is not None and response.status != SUCCESS:
            try:
                data = encode_data_set(listed, self.transfer_syntax)
            except ValueError as error:
                LOGGER.error("the list of failed instances: %s", reason(error))
        comment = self._tell_without_context()
        if comment is not None and response.error_comment is None:
            response = evolve(response, error_comment=comment)
        return self.count(response, remaining=remaining), data
