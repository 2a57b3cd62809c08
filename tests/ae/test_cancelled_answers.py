"""A typed handler that answers in steps goes no further than its peer wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from pydicom import Dataset

from dicomwire import FindRequest, Service, serve as serve_in_threads
from dicomwire.blocking.client import connect as connect_and_block
from dicomwire.memory import Network, connect, serve

STUDIES = {"QueryRetrieveLevel": "STUDY", "PatientID": ""}
MANY = 2000


def match(number: int) -> Dataset:
    made = Dataset()
    made.QueryRetrieveLevel, made.PatientID = "STUDY", str(number)
    return made


def test_the_matches_of_an_async_handler_end_when_the_peer_has_cancelled() -> None:
    service, network = Service(), Network(latency=0.001)
    given: list[int] = []

    @service.find
    async def find(request: FindRequest) -> AsyncIterator[Dataset]:
        for number in range(MANY):
            given.append(number)
            await network.sleep(0.001)
            yield match(number)

    async def ask() -> list[str]:
        served = serve(("memory", 104), service, network=network)
        async with served, connect("memory", 104, network=network) as peer:
            found = [str(each.PatientID) async for each in peer.find(STUDIES, limit=2)]
            assert await peer.echo()
        return found

    (found,) = network.run(ask())
    assert found == ["0", "1"]
    assert len(given) < MANY


def test_what_was_cancelled_does_not_occupy_the_server() -> None:
    service = Service()
    is_closed: list[bool] = []

    @service.find
    def find(request: FindRequest) -> Iterator[Dataset]:
        number = 0
        try:
            while True:
                number += 1
                yield match(number)
        finally:
            is_closed.append(True)

    served = serve_in_threads(("127.0.0.1", 0), service)
    with served as server, connect_and_block("127.0.0.1", server.server_address[1]) as peer:
        assert len(list(peer.find(STUDIES, limit=3))) == 3
        assert peer.echo()
        assert is_closed == [True]
