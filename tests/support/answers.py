"""An answer of a handler for each of many events."""

from __future__ import annotations

from typing import Any

from dicomwire import build_context, evt
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION
from tests.support.finding import FIND, match
from tests.support.getting import GET
from tests.support.moving import MOVE
from tests.support.normalized import FILM_SESSION, SAID

CONTEXTS = [build_context(uid) for uid in (VERIFICATION, CT_IMAGE_STORAGE, FIND, GET, MOVE, FILM_SESSION)]
ANSWERS: dict[Any, Any] = {
    evt.EVT_C_ECHO: 0x0000,
    evt.EVT_C_STORE: 0xB000,
    evt.EVT_C_FIND: [(0xFF00, match("A")), (0xFF01, match("B"))],
    evt.EVT_C_GET: [2, (0xFE00, None)],
    evt.EVT_C_MOVE: [("127.0.0.1", 1), 0],
    evt.EVT_N_GET: (0x0000, SAID),
    evt.EVT_N_DELETE: 0x0112,
}
