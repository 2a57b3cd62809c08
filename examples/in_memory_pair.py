"""Both ends of an association in one thread, on a clock that jumps: ``python examples/in_memory_pair.py``.

There are no sockets, and tests of a program's handlers take no time, whatever they wait for.
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from dicomwire import evt
from dicomwire.memory import AE, Network
from dicomwire.sop_class import StudyRootQueryRetrieveInformationModelFind as StudyRootFind


async def names_of(network: Network) -> list[str]:
    """The patients that a small archive finds."""

    def find(event: evt.Event) -> list[tuple[int, Dataset]]:
        matches = []
        for name in ("Doe^Jane", "Doe^John"):
            match = Dataset()
            match.PatientName = name
            matches.append((0xFF00, match))
        return matches

    archive, client = AE("ARCHIVE", network), AE("CLIENT", network)
    archive.add_supported_context(StudyRootFind)
    client.add_requested_context(StudyRootFind)
    server = await archive.start_server(("archive", 104), block=False, evt_handlers=[(evt.EVT_C_FIND, find)])
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientName = "Doe*"
    found: list[str] = []
    association = await client.associate("archive", 104)
    async for _, identifier in association.send_c_find(query, StudyRootFind):
        if identifier is not None:
            found.append(str(identifier.PatientName))
    await association.release()
    server.shutdown()
    return found


if __name__ == "__main__":
    # Half a second each way, in no time.
    network = Network(latency=0.5)
    (names,) = network.run(names_of(network))
    print(*names, f"after {network.now:.0f} s of its own time", sep="\n")
