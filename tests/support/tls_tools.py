"""Command lines of DCMTK with TLS."""

from __future__ import annotations

from pathlib import Path

from tests.interop.conftest import Identity
from tests.support.peers import (
    Command,
    tool,
)


def dcmtk(name: str, port: int, identity: Identity, ca: Path, *more: str | Path) -> Command:
    return [tool(name), "+tls", *identity.arguments, "+cf", ca, "localhost", str(port), *more]
