"""What a handler that answers in steps yields: any kind of generator or iterable, closed when nobody wants more."""

from __future__ import annotations

from typing import Any

from dicomwire._logging import log_raised, logger
from dicomwire.associations import events as evt
from dicomwire.associations.request import Request
from dicomwire.associations.user_code import HandlerRaised

LOGGER = logger(__name__)

END: Any = object()
"""There is nothing more."""


class Answers:
    """Takes what the handler of ``event`` yields, one value at a time."""

    def __init__(self, request: Request, event: evt.InterventionEvent) -> None:
        self._request = request
        self._event = event
        self._iterator: Any = None
        self._is_async = False

    async def open(self) -> None:
        """Call the handler; None from it is nothing at all.

        Raises:
            HandlerRaised: it raised, or gave nothing that can be iterated.
        """
        answers = await self._request.ask_handler(self._event)
        if answers is None:
            return
        self._is_async = hasattr(answers, "__aiter__")
        try:
            self._iterator = await self._request.call(aiter if self._is_async else iter, answers)
        except Exception as error:
            LOGGER.error("the handler of %s gave %s: nothing to iterate", self._event.name, type(answers).__name__)
            raise HandlerRaised(self._event.name) from error

    async def next(self) -> Any:
        """The next value, or ``END``.

        Raises:
            HandlerRaised: the handler raised.
        """
        if self._iterator is None:
            return END
        try:
            return await self._request.call(_anext if self._is_async else next, self._iterator, END)
        except Exception as error:
            log_raised(LOGGER, self._event.name, error)
            self._iterator = None
            raise HandlerRaised(self._event.name) from error

    async def close(self) -> None:
        """No more values are wanted: let the handler clean up."""
        iterator, self._iterator = self._iterator, None
        if not hasattr(iterator, "aclose" if self._is_async else "close"):
            return
        try:
            await self._request.call(_aclose if self._is_async else _close, iterator)
        except Exception:
            LOGGER.exception("handler of %s raised while it was closed", self._event.name)


# An asynchronous generator is run where the loop is: these are coroutine functions, and no handler's own methods.
async def _anext(iterator: Any, end: object) -> Any:
    return await anext(iterator, end)


async def _aclose(iterator: Any) -> None:
    await iterator.aclose()


def _close(iterator: Any) -> None:
    iterator.close()
