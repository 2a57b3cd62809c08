"""DCMTK's print SCP and SCU, which share a configuration file and a folder for what was printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.support.peers import HOST, Command, listening, tool


@frozen
class Printing:
    """A configuration of DCMTK's print tools with a printer LOCAL, which dcmprscp is, and OURS."""

    folder: Path

    @property
    def stored(self) -> Path:
        """Where print jobs (``SP_*.dcm``) and their images (``HG_*.dcm``) are."""
        return self.folder / "database"

    def configure(self, *, local: int = 1, ours: int = 1, resolution: int = 512) -> Path:
        """Write the configuration with these ports; images have at most so many pixels in a row."""
        self.stored.mkdir(parents=True, exist_ok=True)
        (self.folder / "spool").mkdir(exist_ok=True)
        printer = [
            "DisplayFormat = 1,1\\2,2",
            "FilmDestination = MAGAZINE\\PROCESSOR",
            "FilmSizeID = A4",
            "MediumType = PAPER",
            "MaxPDU = 32768",
            "ImplicitOnly = false",
        ]
        lines = [
            "[[GENERAL]]",
            "[APPLICATION]",
            f"LogDirectory = {self.folder}",
            "[PRINT]",
            f"Directory = {self.folder / 'spool'}",
            "MinPrintResolution = 16\\16",
            f"MaxPrintResolution = {resolution}\\{resolution}",
            "[DATABASE]",
            f"Directory = {self.stored}",
            "[LUT]",
            f"Directory = {self.folder}",
            "[NETWORK]",
            "Aetitle = DCMPSTATE",
            "[[COMMUNICATION]]",
            "[LOCAL]",
            "Type = LOCALPRINTER",
            "Aetitle = LOCAL",
            "Description = DCMTK",
            "Hostname = localhost",
            f"Port = {local}",
            *printer,
            "[OURS]",
            "Type = PRINTER",
            "Aetitle = OURS",
            "Description = Ours",
            f"Hostname = {HOST}",
            f"Port = {ours}",
            *printer,
        ]
        path = self.folder / "dcmpstat.cfg"
        path.write_text("\n".join(lines) + "\n")
        return path


@contextmanager
def dcmprscp(folder: Path) -> Iterator[tuple[int, Printing]]:
    """DCMTK's print SCP, titled LOCAL; its port, and where it puts what it prints."""
    program = tool("dcmprscp")
    printing = Printing(folder)

    def command(port: int) -> Command:
        return [program, "-v", "-c", printing.configure(local=port), "-p", "LOCAL"]

    with listening(command, folder / "dcmprscp") as (_, port):
        yield port, printing
