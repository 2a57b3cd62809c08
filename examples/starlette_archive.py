"""A web application on top of an archive: ``python examples/starlette_archive.py HOST PORT TITLE WEB-PORT``.

It stores what is uploaded, looks for studies, and pulls one as a ZIP file.  All requests share one `Archive`, which
keeps a few associations open: it lives as long as the application, in its lifespan.  In FastAPI the endpoints are the
same; ``docs/how-to/in-a-web-application.md`` has them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import tempfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from pydicom.uid import RE_VALID_UID
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from dicomwire import AllInUse, Failure, PoolClosed
from dicomwire.asyncio import Archive

LARGEST = 1 << 30
"""Bytes of an upload."""

KEYS = ("PatientID", "PatientName", "StudyDate", "AccessionNumber")
"""What may be looked for."""


def archive_of(request: Request) -> Archive:
    """That of the application."""
    archive: Archive = request.app.state.archive
    return archive


async def studies(request: Request) -> Response:
    """``GET /studies?PatientID=4711``: at most 100, as DICOM JSON."""
    unknown = set(request.query_params) - set(KEYS)
    if unknown:
        raise HTTPException(400, f"there are {', '.join(KEYS)}")
    query = {**dict.fromkeys((*KEYS, "StudyInstanceUID"), ""), **request.query_params, "QueryRetrieveLevel": "STUDY"}
    matches = await archive_of(request).find(query, limit=100)
    text = json.dumps([match.to_json_dict() for match in matches])
    return Response(text, media_type="application/dicom+json")


async def upload(request: Request) -> Response:
    """``POST /instances`` with a DICOM file: what the archive says of it."""
    with tempfile.SpooledTemporaryFile(max_size=1 << 20) as file:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > LARGEST:
                raise HTTPException(413, f"at most {LARGEST} bytes")
            file.write(piece)
        file.seek(0)
        (stored,) = await archive_of(request).store(file)
    if isinstance(stored.error, Failure):
        raise stored.error
    if stored.error is not None:
        raise HTTPException(400, str(stored.error))
    return JSONResponse({"status": f"0x{stored.status or 0:04X}"}, 201)


async def study(request: Request) -> Response:
    """``GET /studies/{uid}``: the study as a ZIP file."""
    uid = request.path_params["uid"]
    if not re.fullmatch(RE_VALID_UID, uid):
        # Nothing that means more to an archive than one study, such as a wildcard.
        raise HTTPException(400, "that is no UID")
    with contextlib.ExitStack() as files:
        folder = Path(files.enter_context(tempfile.TemporaryDirectory()))
        query = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": uid}
        retrieved = await archive_of(request).retrieve(query, folder)
        if retrieved.failure is not None:
            raise HTTPException(502, retrieved.failure)
        if not retrieved.paths:
            raise HTTPException(404, "there is no such study")
        await asyncio.to_thread(zipped, retrieved.paths, folder / "study.zip")
        # The files are there until the last byte is sent.
        return FileResponse(folder / "study.zip", background=BackgroundTask(files.pop_all().close))


def zipped(paths: tuple[Path, ...], to: Path) -> None:
    """Put files into a new ZIP file."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as file:
        for path in paths:
            file.write(path, path.name)


async def failed(request: Request, error: Exception) -> Response:
    """The archive does not do it: come back later, or it is the archive's fault."""
    return JSONResponse({"detail": str(error)}, 503 if isinstance(error, AllInUse | PoolClosed) else 502)


def application(host: str, port: int, title: str) -> Starlette:
    """The application, for the archive at an address."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with Archive(host, port, to=title, title="WEB", size=8, wait=5) as archive:
            app.state.archive = archive
            yield

    routes = [
        Route("/studies", studies),
        Route("/studies/{uid}", study),
        Route("/instances", upload, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={Failure: failed})


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    app = application(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[4]), log_level="info")
