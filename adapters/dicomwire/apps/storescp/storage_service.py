"""What ``dicomwire storescp`` does, in whatever process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from dicomwire import _config
from dicomwire.apps._common.options import Provider
from dicomwire.apps._common.output_directory import OutputDirectory
from dicomwire.apps._common.storage import Notify
from dicomwire.apps.storescp.following import Following
from dicomwire.associations import events as evt
from dicomwire.vocabulary.contexts import PresentationContext


@frozen
class StorageService:
    """How instances are received and kept."""

    provider: Provider
    contexts: list[PresentationContext]
    destination: OutputDirectory
    following: Following
    any_class: bool

    @contextmanager
    def handlers(self, logger: logging.Logger, notify: Notify) -> Iterator[list[evt.EventHandler]]:
        """Those of the server, while the block runs; behind it nothing is left half done."""
        before = _config.UNRESTRICTED_STORAGE_SERVICE
        _config.UNRESTRICTED_STORAGE_SERVICE = before or self.any_class
        try:
            with (
                self.following.told(logger) as told,
                self.destination.receiving(logger, notify, told) as storage,
            ):
                yield storage.handlers()
        finally:
            _config.UNRESTRICTED_STORAGE_SERVICE = before
