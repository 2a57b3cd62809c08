"""A storage SCP in a web application: ``python examples/starlette_arrivals.py PORT WEB-PORT``, until Ctrl-C.

The SCP lives as long as the application: in its lifespan.  The page shows studies as they arrive, by server-sent
events.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from dicomwire import AllStoragePresentationContexts, evt
from dicomwire.asyncio import AE

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Arrivals</title>
<style>
  body { color-scheme: light dark; font: 1rem/1.5 system-ui; margin: 2rem auto; max-width: 40rem; padding: 0 1rem }
</style>
<h1>Arrivals</h1>
<p id="none">Nothing has arrived yet.</p>
<ul id="studies" aria-live="polite"></ul>
<script>
  const items = new Map();
  new EventSource("events").onmessage = (message) => {
    const study = JSON.parse(message.data);
    if (!items.has(study.uid)) {
      items.set(study.uid, document.getElementById("studies").appendChild(document.createElement("li")));
    }
    // As text: what a peer sends is no HTML.
    items.get(study.uid).textContent = `${study.modality} ${study.uid}: ${study.count} instances`;
    document.getElementById("none").hidden = true;
  };
</script>
"""


class Studies:
    """What has arrived, and who watches."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.told: dict[str, str] = {}
        self.watchers: set[asyncio.Queue[str]] = set()

    def add(self, uid: str, modality: str) -> None:
        self.counts[uid] = count = self.counts.get(uid, 0) + 1
        self.told[uid] = message = json.dumps({"uid": uid, "modality": modality, "count": count})
        for watcher in self.watchers:
            # Who does not keep up misses some counts, and is told the next ones.
            with contextlib.suppress(asyncio.QueueFull):
                watcher.put_nowait(message)


def application(port: int) -> Starlette:
    """The application, with the SCP on ``port``."""
    studies = Studies()

    async def store(event: evt.Event) -> int:
        dataset = event.dataset
        studies.add(str(dataset.get("StudyInstanceUID", "")), str(dataset.get("Modality", "")))
        return 0x0000

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        ae = AE("ARRIVALS")
        ae.supported_contexts = AllStoragePresentationContexts
        async with ae.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, store)]) as server:
            print("port", server.server_address[1], flush=True)
            yield

    async def page(request: Request) -> Response:
        return HTMLResponse(PAGE)

    async def events(request: Request) -> Response:
        async def told() -> AsyncIterator[str]:
            watcher: asyncio.Queue[str] = asyncio.Queue(1000)
            studies.watchers.add(watcher)
            try:
                for message in [*studies.told.values()]:
                    yield f"data: {message}\n\n"
                while True:
                    yield f"data: {await watcher.get()}\n\n"
            finally:
                studies.watchers.discard(watcher)

        return StreamingResponse(told(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    return Starlette(routes=[Route("/", page), Route("/events", events)], lifespan=lifespan)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    config = uvicorn.Config(application(int(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), log_level="info")
    uvicorn.Server(config).run()
