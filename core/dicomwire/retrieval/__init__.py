"""What retrieving into a folder tells: how far it is, and how it ended."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from dicomwire._values import Value


@frozen(kw_only=True, repr=False, eq=False)
class Progress(Value):
    """How far a retrieval is, as the peer's last response has it."""

    completed: int = 0
    failed: int = 0
    warning: int = 0
    remaining: int | None = None
    """None where the peer does not say."""

    path: Path | None = None
    """The file that was stored last."""


@frozen(kw_only=True, repr=False, eq=False)
class Retrieved(Value):
    """How a retrieval into a folder ended."""

    status: int | None = None
    """That of the final response; None if there was none."""

    completed: int = 0
    """How many instances the peer says it has sent; the next three likewise."""

    failed: int = 0
    warning: int = 0
    remaining: int | None = None

    paths: tuple[Path, ...] = ()
    """The files that were written, each once, in the order in which they came."""

    failed_uids: tuple[str, ...] = ()
    """The SOP instances that the peer could not send, if it lists them."""

    failure: str | None = None
    """Why it is not complete, in words; None if it is."""

    @property
    def is_complete(self) -> bool:
        """All that matched was sent and written; also where nothing did."""
        return self.failure is None
