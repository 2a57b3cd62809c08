"""Many associations that do nothing: idle_client.py PORT COUNT.

Says when they are established, and for each line of its standard input how many are aborted.
"""

import sys

from dicomwire import AE

ae = AE("IDLE")
ae.add_requested_context("1.2.840.10008.1.1")
associations = [ae.associate("127.0.0.1", int(sys.argv[1])) for _ in range(int(sys.argv[2]))]
print("established", sum(association.is_established for association in associations), flush=True)
for number, _ in enumerate(sys.stdin):
    print(f"aborted-{number}", sum(association.is_aborted for association in associations), flush=True)
