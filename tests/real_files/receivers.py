"""What files are sent to: our storescp as people run it, and DCMTK's; each writes to a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

from benchmarks.dcmtk import find_tool
from tests.support.peers import HOST, Command, listening, process

OURS = "dicomwire storescp"
DCMTK = "DCMTK storescp"


@frozen
class Receiver:
    """A storage SCP and where it stores; it is sent one file at a time."""

    name: str
    port: int
    folder: Path

    def take(self) -> list[Path]:
        """The files that it has written since the last :meth:`clear`."""
        return [path for path in self.folder.iterdir() if path.is_file()]

    def clear(self) -> None:
        """Forget them."""
        for path in self.take():
            path.unlink()


@contextmanager
def receivers(folder: Path, peers: Sequence[str]) -> Iterator[list[Receiver]]:
    """Ours, and those of ``peers``, while the context lasts."""
    with ExitStack() as stack:
        found = [stack.enter_context(_ours(folder / "ours"))]
        if "dcmtk" in peers:
            found.append(stack.enter_context(_dcmtk(folder / "dcmtk")))
        yield found


@contextmanager
def _ours(folder: Path) -> Iterator[Receiver]:
    folder.mkdir()
    options: Command = ["--bind-address", HOST, "-v", "-od", folder]
    command = [sys.executable, "-m", "dicomwire", "storescp", "0", *options]
    with process(command, folder.with_suffix(".log")) as running:
        port = int(running.wait_for_line(f"I: Listening on {HOST} port "))
        yield Receiver(OURS, port, folder)


@contextmanager
def _dcmtk(folder: Path) -> Iterator[Receiver]:
    folder.mkdir()
    program = required("storescp")
    # Every transfer syntax that it knows, and every SOP class.
    command: Command = [program, "--accept-all", "--promiscuous", "-od", folder]
    with listening(lambda port: [*command, str(port)], folder) as (_, port):
        yield Receiver(DCMTK, port, folder)


def required(name: str) -> str:
    """The path of a DCMTK tool.

    Raises:
        SystemExit: it is not installed.
    """
    found = find_tool(name)
    if found is None:
        raise SystemExit(f"DCMTK's {name} is not installed")
    return found
