"""What a worker process is told to do, as one line of JSON."""

from __future__ import annotations

import json
from typing import Self

from attrs import asdict, frozen

HOST = "127.0.0.1"

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"

STUDY = "1.2.826.0.1.3680043.8.498.2"
"""The Study Instance UID of everything."""

INBOX = "INBOX"
"""The AE title that instances are moved to."""


@frozen(kw_only=True)
class Task:
    """One thing for a worker to do; which fields matter depends on ``do``."""

    do: str
    port: int = 0
    count: int = 1
    clients: int = 1
    maximum_length: int = 16382
    """The longest PDU body that a server announces, or that bare sockets cut to."""

    path: str = ""
    """The file to send."""

    warm_path: str = ""
    """A small file to send once before anything is measured."""

    size: int = 0
    """Bytes of the data set in ``path``."""

    offset: int = 0
    """Where it begins there."""

    keep: str = "memory"
    """What a receiver does with a data set: ``memory``, ``dataset`` (from memory, decoded), ``discard`` or ``file``;
    with ``encoded`` a server answers a query with identifiers that are encoded already."""

    folder: str = ""
    """Where ``file`` goes."""

    matches: int = 0
    """How many different ones a server has for a query."""

    study: str = ""
    """The folder with the files that a server is asked for."""

    inbox: int = 0
    """The port where instances that are moved arrive."""

    from_file: bool = False
    """Read the file while sending, where memory would do as well."""

    from_memory: bool = False
    """Read the file before, where one would give its path."""

    tls: str = ""
    """The file with key and certificate for TLS; without it there is none."""

    profile: str = ""
    """Where to write profiles of what is done, see :mod:`benchmarks.profiling`."""

    def encode(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, line: str) -> Self:
        return cls(**json.loads(line))
