"""Ask whether a peer is there: ``python examples/echo_client.py HOST PORT``."""

from __future__ import annotations

import sys

from dicomwire import AE
from dicomwire.sop_class import Verification


def echo(host: str, port: int) -> int | None:
    """The status of a C-ECHO; None without an association or an answer."""
    ae = AE(ae_title="EXAMPLE")
    ae.add_requested_context(Verification)
    association = ae.associate(host, port)
    if not association.is_established:
        return None
    status = association.send_c_echo()
    association.release()
    # Empty if the peer was gone before it answered.
    return status.Status if "Status" in status else None


if __name__ == "__main__":
    answer = echo(sys.argv[1], int(sys.argv[2]))
    print("no answer" if answer is None else f"status 0x{answer:04X}")
    sys.exit(answer != 0x0000)
