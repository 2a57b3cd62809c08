"""What programs take from pynetdicom's module of this name: its applications are starting points of many others.

For programs that move; dicomwire's own applications have it otherwise.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicomwire.apps._common.output import LEVELS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_LEVEL_OF_TYPE = {"v": logging.INFO, "d": logging.DEBUG}


def setup_logging(args: Any, app_name: str) -> logging.Logger:
    """The logger of an application, which writes to standard error from now on, as does the library's.

    ``args.log_type`` is ``"q"``, ``"v"``, ``"d"`` or None, for nothing, INFO, DEBUG and ERROR; ``args.log_level``, if
    it is set, is the name of a level that wins over it.  A logger that has a handler already is left as it is.

    Raises:
        KeyError: there is no level of that name.
    """
    library, application = logging.getLogger("dicomwire"), logging.getLogger(app_name)
    if not any(isinstance(handler, logging.StreamHandler) for handler in library.handlers):
        _write_to_standard_error(library)
    if application.hasHandlers():
        return application
    _write_to_standard_error(application)
    level = _LEVEL_OF_TYPE.get(args.log_type)
    if args.log_level:
        level = LEVELS[args.log_level]
    for logger in (library, application):
        if args.log_type == "q":
            logger.handlers = [logging.NullHandler()]
        if level is not None:
            logger.setLevel(level)
    return application


def _write_to_standard_error(logger: logging.Logger) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname).1s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR)


def get_files(fpaths: Iterable[str], recurse: bool = False) -> tuple[list[str], list[str]]:
    """The files that the paths name, or that are in the folders that they name, sorted; and the paths of nothing.

    With ``recurse`` files in folders below count too.
    """
    found: set[str] = set()
    bad = []
    for fpath in fpaths:
        path = Path(fpath)
        if path.is_dir():
            found.update(str(file) for file in (path.rglob("*") if recurse else path.iterdir()) if file.is_file())
        elif path.is_file():
            found.add(str(fpath))
        else:
            bad.append(fpath)
    return sorted(found), bad


def create_dataset(args: Any, logger: logging.Logger | None = None) -> Dataset:
    """The identifier of a query: the data set of the file ``args.file``, if there is one, with ``args.keyword`` set.

    ``args.keyword`` is a list of ``path=value``, as for ``dicomwire findscu -k``, or None.

    Raises:
        Exception: the file cannot be read.
        ValueError: there is no such element, or it cannot have such a value.
    """
    # Here, as they need what the extra `apps` installs.
    from pydicom.dataset import Dataset

    from dicomwire.apps._common.keyword_paths import set_key
    from dicomwire.apps._common.query import read_identifier

    try:
        data_set = read_identifier(Path(args.file)) if args.file else Dataset()
        for key in args.keyword or ():
            set_key(data_set, key)
    except Exception as error:
        if logger is not None:
            logger.error("%s", error)
        raise
    return data_set
