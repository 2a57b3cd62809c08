"""Who the user is, in the applications that call others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.apps._common.identity import PASSWORD_VARIABLE
from dicomwire.presentation import build_context
from tests.apps.archives import FINDS, GETS, MOVES, REFUSED, archive
from tests.apps.helpers import CT, HOST, VERIFICATION, dicom_file, peer

SECRET = "s3cret"
STORE: evt.EventHandler = (evt.EVT_C_STORE, lambda event: 0x0000)


class Identities:
    """A handler that notes who calls; ``response`` is what it confirms with, None for a refusal."""

    def __init__(self, response: bytes | None = b"") -> None:
        self.seen: list[tuple[int, bytes, bytes]] = []
        self.response = response

    def __call__(self, event: evt.Event) -> Any:
        self.seen.append((event.user_id_type, event.primary_field, event.secondary_field or b""))
        return self.response is not None, self.response

    @property
    def handlers(self) -> list[evt.EventHandler]:
        return [(evt.EVT_USER_ID, self)]


@pytest.fixture
def ticket(tmp_path: Path) -> str:
    path = tmp_path / "ticket"
    path.write_bytes(b"\0ticket\xff")
    return str(path)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], None),
        (["-usr", "me"], (1, b"me", b"")),
        (["--user", "m\u00fcller"], (1, b"m\xc3\xbcller", b"")),
        (["-usr", "me", "-pwd", SECRET], (2, b"me", SECRET.encode())),
        (["--user=me", f"--password={SECRET}"], (2, b"me", SECRET.encode())),
        (["-kt", "FILE"], (3, b"\0ticket\xff", b"")),
        (["--kerberos", "FILE"], (3, b"\0ticket\xff", b"")),
        (["--saml", "FILE"], (4, b"\0ticket\xff", b"")),
        (["--jwt", "FILE"], (5, b"\0ticket\xff", b"")),
    ],
)
def test_the_identity_reaches_the_peer(options: list[str], expected: Any, ticket: str) -> None:
    identities = Identities()
    with peer(handlers=identities.handlers) as server:
        given = [ticket if option == "FILE" else option for option in options]
        assert main(["echoscu", HOST, server.port, *given, "--fail"]) == 0
    assert identities.seen == ([] if expected is None else [expected])


@pytest.mark.parametrize("name", ["echoscu", "storescu", "findscu", "getscu", "movescu"])
def test_every_application_that_calls_has_it(name: str, tmp_path: Path) -> None:
    identities = Identities()
    more = {"echoscu": [], "storescu": [str(dicom_file(tmp_path / "file"))]}.get(name, ["-k", "PatientID="])
    contexts = [build_context(uid) for uid in (VERIFICATION, CT, *FINDS, *GETS, *MOVES)]
    with archive([REFUSED], contexts=contexts, handlers=[*identities.handlers, STORE]) as server:
        code = main([name, HOST, server.port, *more, "-usr", "me", "-pwd", SECRET, "-q"])
    assert code == (0 if name in ("echoscu", "storescu") else 1)
    assert identities.seen == [(2, b"me", SECRET.encode())]


def test_the_password_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    identities = Identities()
    with peer(handlers=identities.handlers) as server:
        assert main(["echoscu", HOST, server.port, "-usr", "me"]) == 0
        assert main(["echoscu", HOST, server.port, "-usr", "me", "-pwd", "other"]) == 0
        assert main(["echoscu", HOST, server.port]) == 0
    assert identities.seen == [(2, b"me", SECRET.encode()), (2, b"me", b"other")]


def test_secrets_are_in_no_log(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    with peer(handlers=Identities().handlers) as server:
        assert main(["echoscu", HOST, server.port, "-usr", "me", "-d"]) == 0
    with peer(handlers=Identities(None).handlers) as server:
        assert main(["echoscu", HOST, server.port, "-usr", "me", "-d"]) == 1
    assert main(["echoscu", "--help"]) == 0
    captured = capsys.readouterr()
    assert SECRET not in captured.err + captured.out and PASSWORD_VARIABLE in captured.out


def test_a_file_that_cannot_be_read_is_a_wrong_command_line(
    ticket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbid(self: Path, mode: str = "r") -> Any:
        # Not by its mode: root may read everything.
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbid)
    assert main(["echoscu", HOST, "104", "--jwt", ticket]) == 2
    assert "Permission denied" in capsys.readouterr().err


def test_a_refused_identity_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(handlers=Identities(None).handlers) as server:
        assert main(["echoscu", HOST, server.port, "-usr", "me"]) == 1
    err = capsys.readouterr().err
    assert "rejected" in err and err.count("\n") == 1


@pytest.mark.parametrize(("response", "code", "outcome"), [(b"yes", 0, "EVT_RELEASED"), (None, 1, "EVT_ABORTED")])
def test_a_confirmation_that_is_asked_for_has_to_come(
    response: bytes | None, code: int, outcome: str, ticket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def verify(event: evt.Event) -> Any:
        return True, response

    with peer(handlers=[(evt.EVT_USER_ID, verify)]) as server:
        assert main(["echoscu", HOST, server.port, "--jwt", ticket, "-rsp", "-v"]) == code
        assert server.closed.wait(20)
        assert main(["echoscu", HOST, server.port, "--jwt", ticket, "-q"]) == 0
    assert server.outcomes[0] == outcome
    said = "did not confirm" if code else "The peer confirmed the user identity"
    assert said in capsys.readouterr().err


def test_an_echo_of_the_identity_is_no_confirmation(capsys: pytest.CaptureFixture[str]) -> None:
    def echo(event: evt.Event) -> None:
        event.assoc.acceptor.add_negotiation_item(event.assoc.requestor.user_identity)

    with peer(handlers=[(evt.EVT_REQUESTED, echo)]) as server:
        assert main(["echoscu", HOST, server.port, "-usr", "me", "-pwd", SECRET, "-rsp", "-v"]) == 1
        assert server.closed.wait(10)
    assert server.outcomes == ["EVT_ABORTED"]
    assert "did not confirm" in capsys.readouterr().err
