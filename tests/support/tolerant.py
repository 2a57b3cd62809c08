"""Values that need not be valid, and the VRs of text."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom import config


@contextmanager
def tolerant() -> Iterator[None]:
    """Values need not be valid here: what matters is that both ways make the same of them."""
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.settings.reading_validation_mode = before


TEXT_VRS = ("AE", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")

PADDING = "\0 \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0"
"""NUL, and what Python takes for white space: some strip only what the standard pads with, others all of it."""
