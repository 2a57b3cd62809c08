"""Whether a release may be made of the source, and whether what was built can be published."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Sequence
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile


class NotReady(Exception):
    """It is not; the text says why."""


def version_of(root: Path) -> str:
    """The version, which one file has."""
    found = re.search(r'"([^"]+)"', (root / "core/dicomwire/_version.py").read_text("utf-8"))
    if found is None:
        raise NotReady("core/dicomwire/_version.py has no version")
    return found[1]


def git(root: Path, *words: str) -> str:
    """What git says."""
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReady(f"git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def check_source(root: Path, *, is_rehearsed: bool) -> None:
    """Raise NotReady unless all is committed, and tag and changelog name the version; a rehearsal needs none of it."""
    if is_rehearsed:
        return
    if changed := git(root, "status", "--porcelain", "--untracked-files=no"):
        raise NotReady(f"not all is committed:\n{changed}")
    version = version_of(root)
    if f"v{version}" not in git(root, "tag", "--points-at", "HEAD").split():
        raise NotReady(f"this commit has no tag v{version}, which is the version in core/dicomwire/_version.py")
    check_changelog((root / "CHANGELOG.md").read_text("utf-8"), version)
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    if not project["tool"]["hatch"]["metadata"]["hooks"]["custom"]["source-url"]:
        raise NotReady("source-url in pyproject.toml is empty: README's links would lead nowhere")


def check_changelog(text: str, version: str) -> None:
    """Raise NotReady unless there is nothing unreleased, and the newest version with its day is this one."""
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    if sections[0].partition("\n")[2].strip():
        raise NotReady("CHANGELOG.md has changes under [Unreleased]: give them the version and the day")
    if len(sections) < 2 or not re.match(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", sections[1].split("\n")[0]):
        raise NotReady(f"CHANGELOG.md has no '## [{version}] - YYYY-MM-DD' as its newest version")


def check_packages(packages: Sequence[Path]) -> None:
    """Raise NotReady unless indexes take them, they hold what they should, and the links of README lead somewhere."""
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, packages)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReady(done.stdout + done.stderr)
    for package in packages:
        names, metadata = contents(package)
        check_readme(str(metadata.get_payload()))
        needed = {"dicomwire/__init__.py", "dicomwire/py.typed", "dicomwire/blocking/client.py"}
        if missing := {name for name in needed if not any(each.endswith(name) for each in names)}:
            raise NotReady(f"{package.name} lacks {', '.join(sorted(missing))}")
        tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
        if package.suffix == ".whl" and tops != {"dicomwire"}:
            raise NotReady(f"{package.name} has more than the package: {', '.join(sorted(tops))}")


def contents(package: Path) -> tuple[list[str], Message]:
    """The files of a wheel or a source distribution, and its metadata."""
    if package.suffix == ".whl":
        with ZipFile(package) as wheel:
            names = wheel.namelist()
            (place,) = (name for name in names if name.endswith(".dist-info/METADATA"))
            return names, message_from_bytes(wheel.read(place))
    with tarfile.open(package) as source:
        names = source.getnames()
        found = source.extractfile(f"{package.name.removesuffix('.tar.gz')}/PKG-INFO")
        assert found is not None
        return names, message_from_bytes(found.read())


def check_readme(text: str) -> None:
    """Raise NotReady if a link of it leads to a file beside it."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    if beside := [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"https?://|#", link)]:
        raise NotReady(f"README's links lead nowhere on a package index: {', '.join(beside[:5])}")
