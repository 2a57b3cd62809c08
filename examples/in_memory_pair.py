"""Both ends of an association in one thread, on a clock that jumps: ``python examples/in_memory_pair.py``.

There are no sockets, and tests of a program's handlers take no time, whatever they wait for.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from dicomwire import FindRequest, Service
from dicomwire.memory import Network, connect, serve

archive = Service()


@archive.find
def find(request: FindRequest) -> Iterator[Dataset]:
    for name in ("Doe^Jane", "Doe^John"):
        match = Dataset()
        match.PatientName = name
        yield match


async def names_of(network: Network) -> list[str]:
    """The patients that a small archive finds."""
    query = {"QueryRetrieveLevel": "STUDY", "PatientName": "Doe*"}
    served = serve(("archive", 104), archive, network=network)
    async with served, connect("archive", 104, network=network) as peer:
        return [str(match.PatientName) async for match in peer.find(query)]


if __name__ == "__main__":
    # Half a second each way, in no time.
    network = Network(latency=0.5)
    (names,) = network.run(names_of(network))
    print(*names, f"after {network.now:.0f} s of its own time", sep="\n")
