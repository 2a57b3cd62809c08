"""Ask whether a peer is there: ``python examples/echo_client.py HOST PORT``."""

from __future__ import annotations

import sys

from dicomwire import Failure, Status, connect


def echo(host: str, port: int) -> Status | None:
    """The status of a C-ECHO; None without an association or an answer."""
    try:
        with connect(host, port, title="EXAMPLE") as peer:
            return peer.echo()
    except Failure as failure:
        # Its text says why.
        print(failure, file=sys.stderr)
        return None


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    answer = echo(sys.argv[1], int(sys.argv[2]))
    print("no answer" if answer is None else f"status 0x{answer:04X}")
    sys.exit(answer is None)
