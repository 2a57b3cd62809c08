"""Where DCMTK's programs are, and what they are told."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from benchmarks.tasks import HOST, INBOX, STUDY, Task

LONGEST = 131072
"""Bytes of the longest PDU that it can send or take."""

_ARCHIVE = "ANY-SCP"


@cache
def find_tool(name: str) -> str | None:
    """DCMTK's tool of that name; pynetdicom's, which a virtual environment may put in front, are none."""
    for folder in os.get_exec_path():
        path = shutil.which(name, path=folder)
        if path is not None:
            version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=30)
            if "$dcmtk" in version.stdout:
                return path
    return None


def tools_of(stack: str) -> tuple[str, ...]:
    """The programs that a stack needs, as server or as client."""
    if stack == "dcmqrscp":
        return ("dcmqrscp", "dcmqridx", "getscu", "movescu", "echoscu")
    return ("storescp", "storescu", "echoscu", *(["dcmrecv"] if stack == "dcmrecv" else []))


def environment_of(stack: str) -> dict[str, str]:
    """DCMTK, and Orthanc with it, turns Nagle's algorithm off only if it is told."""
    return {} if stack.endswith("shipped") else {"TCP_NODELAY": "1"}


def _limit(task: Task) -> str:
    return str(min(task.maximum_length, LONGEST))


# -- servers ---------------------------------------------------------------------------------------------------------
def server_command(stack: str, task: Task, port: int) -> list[str]:
    """A server with its arguments.

    Each object goes to a file of its own: to overwrite one takes longer than to write it.
    """
    if stack == "dcmqrscp":
        return ["dcmqrscp", "-q", "-dhl", "-c", str(_archive(task, port))]
    kept = ["+B", "-od", task.folder]
    if stack == "dcmrecv":
        options = [*kept, "+fu"] if task.keep == "file" else ["--ignore"]
        profile = ["-xf", str(_profile(task)), "Default"]
        return ["dcmrecv", "-q", "-dhl", *profile, "-pdu", _limit(task), *_tls(task), *options, str(port)]
    options = [*kept, "+uf"] if task.keep == "file" else ["--ignore"]
    if stack == "dcmtk-fork":
        options.append("--fork")
    return ["storescp", "-q", "-dhl", "--max-pdu", _limit(task), *_tls(task), *options, str(port)]


def _profile(task: Task) -> Path:
    """What dcmrecv is to accept; without it that is C-ECHO and nothing else."""
    path = Path(task.folder) / "dcmrecv.cfg"
    lines = [
        "[[TransferSyntaxes]]",
        "[Plain]",
        "TransferSyntax1 = LittleEndianExplicit",
        "TransferSyntax2 = LittleEndianImplicit",
        "[[PresentationContexts]]",
        "[Accepted]",
        "PresentationContext1 = VerificationSOPClass\\Plain",
        "PresentationContext2 = CTImageStorage\\Plain",
        "[[Profiles]]",
        "[Default]",
        "PresentationContexts = Accepted",
    ]
    path.write_text("\n".join(lines) + "\n", "ascii")
    return path


def _archive(task: Task, port: int) -> Path:
    """The configuration of an archive of the task's study."""
    path = Path(task.study).with_suffix(".cfg")
    lines = [
        f"NetworkTCPPort = {port}",
        f"MaxPDUSize = {_limit(task)}",
        "MaxAssociations = 16",
        "HostTable BEGIN",
        f"inbox = ({INBOX}, {HOST}, {task.inbox})",
        "HostTable END",
        "VendorTable BEGIN",
        "VendorTable END",
        "AETable BEGIN",
        f"{_ARCHIVE} {task.study} RW (10, 1024mb) ANY",
        "AETable END",
    ]
    path.write_text("\n".join(lines) + "\n", "ascii")
    return path


def index_command(task: Task) -> list[str]:
    """What makes the index of such an archive."""
    return ["dcmqridx", task.study, *map(str, sorted(Path(task.study).glob("*.dcm")))]


# -- clients ---------------------------------------------------------------------------------------------------------
def echo_command(task: Task, count: int = 1) -> list[str]:
    """So many echoes on one association."""
    return ["echoscu", "-q", *_tls(task), "--repeat", str(count), _host(task), str(task.port)]


def client_command(task: Task) -> list[str]:
    """What does the task as a client."""
    if task.do == "echo":
        return echo_command(task, task.count)
    if task.do == "store":
        options = ["-q", "--max-send-pdu", _limit(task), *_tls(task), "--repeat", str(task.count)]
        return ["storescu", *options, _host(task), str(task.port), task.path]
    keys = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}"]
    kept = ["+B", "-od", task.folder] if task.keep == "file" else ["--ignore"]
    if task.do == "move":
        keys += ["-aem", INBOX, "-aet", INBOX, "+P", str(task.inbox), "-dhl"]
    return [f"{task.do}scu", "-q", "-pdu", _limit(task), *kept, *keys, HOST, str(task.port)]


# -- TLS -------------------------------------------------------------------------------------------------------------
def _host(task: Task) -> str:
    """The name in the certificate, if that is looked at."""
    return "localhost" if task.tls else HOST


def _tls(task: Task) -> list[str]:
    return ["+tls", task.tls, task.tls, "+cf", task.tls] if task.tls else []
