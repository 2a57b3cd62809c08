"""The query of findscu, getscu and movescu: its information model, its identifier, and what is negotiated for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeAlias

import click
from attrs import frozen
from pydicom import dcmread
from pydicom.datadict import dictionary_has_tag, repeater_has_tag
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.tag import BaseTag

from dicomwire._globals import EXPLICIT_LITTLE
from dicomwire._logging import reason
from dicomwire.apps._common.exit_codes import WRONG_COMMAND_LINE, CannotStart
from dicomwire.apps._common.keyword_paths import set_key
from dicomwire.apps._common.logging_options import logging_options
from dicomwire.apps._common.options import (
    REQUESTED_BY_DEFAULT,
    Decorator,
    Function,
    exclusive,
    requested_syntaxes,
    user_options,
    with_options,
)
from dicomwire.apps._common.output import without_warnings
from dicomwire.compat.pdu_primitives import NegotiationItem, SOPClassExtendedNegotiation
from dicomwire.data.character_sets import smallest_set, terms_of
from dicomwire.data.data_set_writer import texts_of
from dicomwire.data.data_sets import encode_data_set
from dicomwire.data.pydicom_private import elements_of
from dicomwire.data.reading_files import read_instance
from dicomwire.data.unknown_vr import as_known
from dicomwire.vocabulary.contexts import PresentationContext, build_context


class BadIdentifier(CannotStart):
    """The options make no identifier."""


class BadKey(BadIdentifier):
    """A key is none: the command line is wrong."""

    exit_code = WRONG_COMMAND_LINE


@frozen
class Model:
    """An information model that can be chosen."""

    option: str
    """Its long option, without dashes."""

    letter: str
    uid: str
    name: str
    has_levels: bool = True
    """Its identifiers need a Query/Retrieve Level (PS3.4 C.4)."""


@frozen(kw_only=True)
class Query:
    """What to ask for, as the options have it."""

    model: Model
    keys: tuple[str, ...]
    file: Path | None
    information: bytes | None
    """Service class application information for extended negotiation, if any was asked for."""

    def context(self, syntaxes: list[str]) -> PresentationContext:
        """The context that the query needs."""
        return build_context(self.model.uid, syntaxes)

    def negotiation(self) -> list[NegotiationItem]:
        """What is negotiated beside contexts."""
        if self.information is None:
            return []
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid = self.model.uid
        item.service_class_application_information = self.information
        return [item]

    def identifier(self, logger: logging.Logger) -> Dataset:
        """The identifier.

        Raises:
            BadKey: a key is wrong, or has a value that cannot be encoded.
            BadIdentifier: the file cannot be used.
        """
        made = Dataset() if self.file is None else read_identifier(self.file)
        for key in self.keys:
            try:
                set_key(made, key)
            except ValueError as error:
                raise BadKey(f"-k {key}: {error}") from error
        _choose_character_set(made)
        try:
            _try_to_encode(made)
        except ValueError as error:
            kind = BadKey if self.keys else BadIdentifier
            raise kind(f"the identifier cannot be encoded: {reason(error)}") from error
        if self.model.has_levels and not made.get("QueryRetrieveLevel"):
            logger.warning(
                "The identifier has no QueryRetrieveLevel: most peers refuse that; -k QueryRetrieveLevel=STUDY sets it"
            )
        return made


def read_identifier(path: Path) -> Dataset:
    """The data set of a DICOM file, without its pixels; it may lack preamble and file meta information.

    Raises:
        BadIdentifier: this is no such file.
    """
    try:
        # Values are decoded when they are used: now.  What is sent has the bytes of the file.
        for _ in _read(path).iterall():
            pass
        made = _read(path)
    except InvalidDicomError as error:
        raise BadIdentifier(f"{path} is no DICOM file: {reason(error)}") from error
    except OSError as error:
        raise BadIdentifier(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever pydicom makes of what may be anything
        raise BadIdentifier(f"{path} cannot be decoded: {type(error).__name__}: {reason(error)}") from error
    if not vars(made).get("file_meta") and not _is_plausible(made):
        raise BadIdentifier(f"{path} is no DICOM file")
    plain: Dataset = made[:]
    return plain


def _read(path: Path) -> Dataset:
    try:
        return read_instance(path, with_pixels=False)
    except InvalidDicomError:
        return as_known(dcmread(path, stop_before_pixels=True, force=True))


def _is_plausible(data_set: Dataset) -> bool:
    """Without preamble anything can be read as a data set: one that has elements, and none that nobody knows."""
    return len(data_set) > 0 and all(_is_known(data_set, tag) for tag in elements_of(data_set))


def _is_known(data_set: Dataset, tag: BaseTag) -> bool:
    if not tag.is_private:
        return dictionary_has_tag(tag) or repeater_has_tag(tag)
    return tag.is_private_creator or (tag.group, tag.elem >> 8) in data_set


def _choose_character_set(identifier: Dataset) -> None:
    """The smallest character set that has everything, unless one was chosen: an empty key is no choice."""
    if terms_of(identifier.get("SpecificCharacterSet")):
        return
    texts = list(texts_of(identifier))
    if not all(map(str.isascii, texts)):
        identifier.SpecificCharacterSet = smallest_set(texts)


def _try_to_encode(identifier: Dataset) -> None:
    """Raise ValueError for what could not be sent."""
    with without_warnings():
        encode_data_set(identifier, EXPLICIT_LITTLE)


OTHER_MODELS = "-P, -S and -O choose another information model"
"""What to do if the peer does not take the one that was asked for."""


# -- options -------------------------------------------------------------------------------------------------------
Information: TypeAlias = Callable[[Model, Mapping[str, bool]], bytes | None]
"""What to say in extended negotiation, of the model and the flags by name; None for nothing."""


def query_options(models: Sequence[Model], flags: Mapping[str, str], information: Information) -> Decorator:
    """Model, keys, file and extended negotiation; the command gets an argument ``query``.

    The first of ``models`` is the default; ``flags`` are the options for extended negotiation, name to help text.
    """
    default = models[0]
    options = [
        click.option(
            f"-{model.letter}",
            f"--{model.option}",
            is_flag=True,
            callback=exclusive("model"),
            help=f"Query the {model.name} model{' (default)' if model is default else ''}.",
        )
        for model in models
    ]
    options += [
        click.option(
            "-k",
            "--keyword",
            "keys",
            multiple=True,
            metavar="KEY",
            help="An element of the identifier, as PatientName=Doe*, 0008,0052=STUDY or SomeSequence[0].Modality=CT; "
            "without value it matches everything. Repeat it for more.",
        ),
        click.option(
            "-f",
            "--file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="A DICOM file as identifier, without its pixels; -k adds to it or replaces elements.",
        ),
    ]
    options += [
        click.option(f"--{name.replace('_', '-')}", is_flag=True, help=f"Extended negotiation: {text}.")
        for name, text in flags.items()
    ]

    def decorate(function: Function) -> Function:
        @wraps(function)
        def command(keys: tuple[str, ...], file: Path | None, **values: Any) -> Any:
            if not keys and file is None:
                raise click.UsageError("-k or -f is needed, to say what to ask for.")
            chosen = [model for model in models if values.pop(model.option)]
            model = chosen[0] if chosen else default
            asked = {name: values.pop(name) for name in flags}
            query = Query(model=model, keys=keys, file=file, information=information(model, asked))
            return function(query=query, **values)

        return with_options(command, options)

    return decorate


def querying(name: str, logger: logging.Logger, default: int = logging.INFO) -> Decorator:
    """What a query has beside its own options: the peer, transfer syntaxes, and what is logged, from ``default`` on.

    Goes below :func:`query_options`; the command gets arguments ``user``, ``syntaxes``, ``quiet``, ``query`` and its
    ``identifier``, and is not called without one: the exit code is 2 then if a key is wrong, or 1.
    """

    def decorate(function: Function) -> Function:
        @wraps(function)
        def command(query: Query, syntaxes: list[str] | None, **values: Any) -> Any:
            identifier = query.identifier(logger)
            return function(query=query, identifier=identifier, syntaxes=syntaxes or REQUESTED_BY_DEFAULT, **values)

        options = [user_options(name.upper()), requested_syntaxes, logging_options(name, default)]
        return with_options(command, options)

    return decorate


def flag_bytes(model: Model, asked: Mapping[str, bool]) -> bytes | None:
    """One byte for each flag, if any was given (PS3.4 C.5.1.1, C.5.2.1 and C.5.3.1)."""
    return bytes(asked.values()) if any(asked.values()) else None


def root_models(patient: str, study: str, patient_study_only: str) -> list[Model]:
    """The three query/retrieve information models, with the UIDs they have for one operation (PS3.4 C.3)."""
    return [
        Model("patient", "P", patient, "patient root"),
        Model("study", "S", study, "study root"),
        Model("psonly", "O", patient_study_only, "patient/study only"),
    ]


RETRIEVE_FLAGS = {
    "relational_retrieval": "relational retrieval",
    "enhanced_conversion": "conversion between classic and enhanced multi-frame images",
}
