"""``python -m dicomwire.migrate``: names are changed where they are names, and what needs thought is told."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest

from dicomwire.migrate import main
from dicomwire.migrating.program_files import migrate_tree
from dicomwire.migrating.renaming import renamed
from dicomwire.migrating.thoughts import thoughts_about


def after(source: str) -> str:
    return renamed(source, ast.parse(source))[0]


def told(source: str) -> list[tuple[int, str]]:
    return thoughts_about(ast.parse(source))


# -- renaming --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("import pynetdicom\n", "import dicomwire\n"),
        ("import pynetdicom as net, os\n", "import dicomwire as net, os\n"),
        ("import os, pynetdicom.sop_class\n", "import os, dicomwire.sop_class\n"),
        ("from pynetdicom import AE, evt  # of pynetdicom\n", "from dicomwire import AE, evt  # of pynetdicom\n"),
        (
            "from pynetdicom.sop_class import (\n    A,\n    B,\n)\n",
            "from dicomwire.sop_class import (\n    A,\n    B,\n)\n",
        ),
        ("from pynetdicom \\\n    import AE\n", "from dicomwire \\\n    import AE\n"),
        ("from  pynetdicom . pdu  import X\n", "from  dicomwire . pdu  import X\n"),
        ("if 1: import pynetdicom; pynetdicom.AE()\n", "if 1: import dicomwire; dicomwire.AE()\n"),
        ("import pynetdicom.ae\nx = pynetdicom.ae.AE\n", "import dicomwire.ae\nx = dicomwire.ae.AE\n"),
        ("import pynetdicom\ns = 'ä', pynetdicom\n", "import dicomwire\ns = 'ä', dicomwire\n"),
        ("import pynetdicom\nf'{pynetdicom.AE} pynetdicom'\n", "import dicomwire\nf'{dicomwire.AE} pynetdicom'\n"),
        ("log = getLogger('pynetdicom')\n", "log = getLogger('dicomwire')\n"),
        ('log = logging.getLogger(r"""pynetdicom""")\n', 'log = logging.getLogger(r"""dicomwire""")\n'),
        ("import pynetdicom\r\nx = 1\r\n", "import dicomwire\r\nx = 1\r\n"),
        ("x = 1\x0c\nimport pynetdicom\n", "x = 1\x0c\nimport dicomwire\n"),
        (
            "try:\n\timport pynetdicom\nexcept ImportError:\n\tpynetdicom = None",
            "try:\n\timport dicomwire\nexcept ImportError:\n\tdicomwire = None",
        ),
    ],
)
def test_names_are_changed(before: str, expected: str) -> None:
    assert after(before) == expected


@pytest.mark.parametrize(
    "source",
    [
        "x = 'import pynetdicom'\n",
        '"""Uses pynetdicom."""\n',
        "# import pynetdicom\n",
        "import pynetdicom2, mypynetdicom\n",
        "from pynetdicom3 import AE\n",
        "from . import pynetdicom\npynetdicom.x\n",
        "from .pynetdicom import AE\n",
        "from tools import pynetdicom\n",
        "pynetdicom = 1\n",
        "import x as pynetdicom\n",
        "getLogger('pynetdicom.assoc')\n",
        "getLogger('pynet' 'dicom')\n",
        "a.pynetdicom = 3\n",
    ],
)
def test_what_is_no_name_of_the_module_stays(source: str) -> None:
    assert after(source) == source


# -- thoughts --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("source", "line", "text"),
    [
        ("from pynetdicom.dul import DULServiceProvider", 1, "pynetdicom.dul has no counterpart: assoc.dul.socket"),
        ("import os\nimport pynetdicom.fsm", 2, "pynetdicom.fsm has no counterpart: EVT_FSM_TRANSITION"),
        ("from pynetdicom import acse", 1, "pynetdicom.acse has no counterpart"),
        ("from pynetdicom.dimse import X", 1, "pynetdicom.dimse has no counterpart: assoc.dimse.send_msg"),
        ("from pynetdicom.apps.common import ElementPath", 1, "dicomwire.apps.common has no ElementPath"),
        ("from pynetdicom.apps.storescu import storescu", 1, "pynetdicom.apps.storescu has no counterpart"),
        ("from pynetdicom.nosuch import x", 1, "pynetdicom.nosuch has no counterpart: see what"),
        ("from pynetdicom.pdu import (\n    A_ABORT_RQ,\n    NoSuch,\n)", 3, "dicomwire.pdu has no NoSuch"),
        ("from pynetdicom.sop_class import VerificationSOPClass", 1, "is called Verification since pynetdicom 2.0"),
        ("import pynetdicom as n\n\nn.utils.nosuch()", 3, "dicomwire.utils has no nosuch"),
        ("import pynetdicom\npynetdicom.Nosuch", 2, "dicomwire has no Nosuch"),
        ("from pynetdicom import AE\nassoc.dul.send_pdu(x)", 2, "of assoc.dul there is no send_pdu"),
        ("from pynetdicom import AE\nself.assoc._reactor_checkpoint", 2, "self.assoc._reactor_checkpoint is private"),
        ("from pynetdicom import AE\nAE.associate = mine", 2, "AE.associate is replaced"),
        ("import pynetdicom.utils\npynetdicom.utils.set_uid = mine", 2, "pynetdicom.utils.set_uid is replaced"),
        ("from pynetdicom import _config\n_config.NOSUCH = 1", 2, "there is no option NOSUCH"),
        ("from pynetdicom import AE\nclass Mine(AE):\n    pass", 2, "Mine is a subclass of AE"),
        ("import pynetdicom\nclass Mine(pynetdicom.AE):\n    pass", 2, "Mine is a subclass of AE"),
        ("from pynetdicom import AE\nisinstance(assoc, threading.Thread)", 2, "no threading.Thread"),
        ("from pynetdicom import AE\nae.require_calling_aet = 'ONE'", 2, "one title is a TypeError"),
        ("getLogger('pynetdicom.assoc')", 1, "loggers are named after dicomwire's own modules"),
        ("patch('pynetdicom.ae.AE')", 1, "a string names a module or a logger and was left: 'pynetdicom.ae.AE'"),
        ("run('python -m pynetdicom echoscu')", 1, "a string mentions pynetdicom and was left"),
    ],
)
def test_what_needs_thought_is_told_with_its_line(source: str, line: int, text: str) -> None:
    assert [(number, said) for number, said in told(source) if number == line and text in said], told(source)


def test_a_private_name_that_is_there_is_told() -> None:
    assert "is private" in told("from pynetdicom.sop_class import _STORAGE_CLASSES")[0][1]


@pytest.mark.parametrize(
    "source",
    [
        "from pynetdicom import AE, evt, _config, StoragePresentationContexts, __version__",
        "from pynetdicom.sop_class import CTImageStorage, Verification",
        "from pynetdicom.sop_class import *",
        "from pynetdicom.apps.common import create_dataset, get_files, setup_logging",
        "from pynetdicom import AE\nassoc.dul.socket.socket\nassoc.acse.send_reject(1, 1, 1)\nself._private",
        "import pynetdicom\ndef f():\n    'Of pynetdicom.'",
        "from pynetdicom import AE, _config\nae.require_calling_aet = ['A']\n_config.CODECS = ('a',)",
        "assoc.dul.send_pdu(x)\nassoc._x",
        "isinstance(x, int)",
    ],
)
def test_what_moves_by_itself_is_not_told_of(source: str) -> None:
    assert not told(source)


# -- files -----------------------------------------------------------------------------------------------------------
PROGRAM = "# -*- coding: latin-1 -*-\r\nfrom pynetdicom import AE  # \xe4\r\nae = AE('pynetdicom')\r\n"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "program"
    (folder / ".venv").mkdir(parents=True)
    (folder / "env").mkdir()
    (folder / "env" / "pyvenv.cfg").touch()
    for name in ("a.py", ".venv/b.py", "env/c.py", "notes.txt"):
        (folder / name).write_bytes(PROGRAM.encode("latin-1"))
    (folder / "plain.py").write_text("x = 1\n")
    (folder / "requirements-dev.txt").write_text("# pynetdicom\nnumpy\npynetdicom>=2\n")
    (folder / "pyproject.toml").write_text('dependencies = ["pynetdicom==2.1", "pynetdicom-tools"]\n')
    return Path("program")


def test_nothing_is_changed_unless_that_is_asked_for(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(program)]) == 0
    out = capsys.readouterr().out
    assert "--- a/program/a.py\n+++ b/program/a.py\n" in out
    assert "-from pynetdicom import AE  # \xe4\n+from dicomwire import AE  # \xe4\n" in out
    assert "program/a.py:3: a string names a module or a logger and was left: 'pynetdicom'\n" in out
    assert "program/requirements-dev.txt:3: requires pynetdicom" in out and "program/pyproject.toml:1: requires" in out
    assert out.endswith(
        "4 files looked at, 1 to change (1 names); 3 places need thought, 0 files could not be changed\n"
    )
    assert (program / "a.py").read_bytes() == PROGRAM.encode("latin-1")


def test_with_write_files_are_changed_and_nothing_else_in_them(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--write", "--no-diff", str(program)]) == 0
    assert "1 changed (1 names)" in capsys.readouterr().out
    expected = PROGRAM.replace("from pynetdicom", "from dicomwire").encode("latin-1")
    assert (program / "a.py").read_bytes() == expected
    assert (program / ".venv/b.py").read_bytes() == (program / "env/c.py").read_bytes() == PROGRAM.encode("latin-1")
    assert not migrate_tree([program], write=True).changed


def test_a_byte_order_mark_stays(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"\xef\xbb\xbfimport pynetdicom\n")
    migrate_tree([file], write=True)
    assert file.read_bytes() == b"\xef\xbb\xbfimport dicomwire\n"


@pytest.mark.parametrize(
    "content",
    [b"print 'pynetdicom'\n", b"# coding: nosuch\n# pynetdicom\n", b"x = '\xff pynetdicom'\n", b"\0pynetdicom"],
)
def test_a_file_that_is_no_python_of_today_is_told_and_left(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "old.py"
    file.write_bytes(content)
    (tmp_path / "new.py").write_text("import pynetdicom\n")
    assert main(["--write", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert f"{file.as_posix()}:1: is no Python" in captured.err
    assert file.read_bytes() == content and "1 changed" in captured.out


def test_setup_py_is_a_program_and_has_requirements(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("import pynetdicom\nsetup(\n    install_requires=['pynetdicom>=2'])\n")
    (tmp_path / "a.ipynb").write_text('"import pynetdicom"\n"pynetdicom"\n')
    done = migrate_tree([tmp_path], write=False)
    assert len(done.changed) == 1
    assert {(place.path.name, place.line) for place in done.thoughts} == {("setup.py", 3), ("a.ipynb", 1)}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="everything can be written to")
def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.py"
    file.write_text("import pynetdicom\n")
    file.chmod(0o400)
    assert main(["--write", str(file)]) == 1
    assert "cannot be read or written" in capsys.readouterr().err


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("import pynetdicom\n")
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "a.py").symlink_to(outside)
    assert migrate_tree([tmp_path / "program"], write=True).looked_at == 0


def test_a_path_that_is_not_there_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nowhere"])
    assert ended.value.code == 2 and "nowhere does not exist" in capsys.readouterr().err
