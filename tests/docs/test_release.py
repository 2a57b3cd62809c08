"""What a release is made of, and what keeps one from being made."""

from __future__ import annotations

import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.release.__main__ import main
from tests.release.bill_of_materials import bill_of_materials, write_bill_of_materials
from tests.release.readiness import NotReady, check_changelog, check_readme, check_source, version_of

METADATA = """\
Metadata-Version: 2.4
Name: dicomwire
Version: 1.2.3
Summary: DICOM
License-Expression: MIT
Requires-Dist: attrs>=23.2
Requires-Dist: pydicom<4,>=3.0.1
Provides-Extra: apps
Requires-Dist: click>=8.1; extra == 'apps'
Provides-Extra: test
Requires-Dist: dicomwire[quick]; extra == 'test'
Requires-Dist: coverage[toml]>=7.4; extra == 'test'

# dicomwire
"""

CHANGES = """\
# Changelog

## [Unreleased]

## [1.2.3] - 2026-11-29

### Added
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel of which only the metadata is there."""
    path = tmp_path / "dicomwire-1.2.3-py3-none-any.whl"
    with ZipFile(path, "w") as made:
        made.writestr("dicomwire-1.2.3.dist-info/METADATA", METADATA)
    return path


def test_the_bill_has_what_users_need_and_what_for(wheel: Path) -> None:
    components = bill_of_materials(wheel, [wheel], "1.2.3")["components"]
    assert [(each["name"], each["scope"]) for each in components] == [
        ("attrs", "required"), ("pydicom", "required"), ("click", "optional"),
    ]  # fmt: skip
    assert components[1]["properties"] == [{"name": "dicomwire:required", "value": "<4,>=3.0.1"}]


def test_the_bill_is_the_same_each_time_and_every_reference_leads_to_a_component(wheel: Path) -> None:
    first = write_bill_of_materials([wheel], "1.2.3").read_text("utf-8")
    assert write_bill_of_materials([wheel], "1.2.3").read_text("utf-8") == first
    bill = bill_of_materials(wheel, [wheel], "1.2.3")
    known = {each["bom-ref"] for each in (bill["metadata"]["component"], *bill["components"])}
    assert {each["ref"] for each in bill["dependencies"]} == known
    assert {goal for each in bill["dependencies"] for goal in each["dependsOn"]} <= known


def test_a_changelog_names_the_version_with_its_day() -> None:
    check_changelog(CHANGES, "1.2.3")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (CHANGES, "1.2.4"),
        (CHANGES.replace(" - 2026-11-29", ""), "1.2.3"),
        (CHANGES.replace("## [1.2.3]", "* A change.\n\n## [1.2.3]"), "1.2.3"),
        ("# Changelog\n\n## [Unreleased]\n", "1.2.3"),
    ],
)
def test_a_changelog_that_is_not_ready_is_told(text: str, version: str) -> None:
    with pytest.raises(NotReady, match=r"CHANGELOG\.md"):
        check_changelog(text, version)


def test_links_to_files_are_told() -> None:
    check_readme("[a](https://example.org/a) [b](#b)\n```python\nx[0](y)\n```\n")
    with pytest.raises(NotReady, match=r"docs/a\.md"):
        check_readme("[a](docs/a.md)")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[a](docs/a.md#b)", "[a](https://example.org/blob/v1/docs/a.md#b)"),
        ("![a](docs/a.svg)", "![a](https://example.org/raw/v1/docs/a.svg)"),
        ("[a](https://example.com) [b](#b)", "[a](https://example.com) [b](#b)"),
        ("```python\nx[0](y)\n```\n[a](b)", "```python\nx[0](y)\n```\n[a](https://example.org/blob/v1/b)"),
        ("text\n<!-- prints -->\n```text\n1\n```", "text\n```text\n1\n```"),
    ],
)
def test_links_of_readme_become_addresses(before: str, after: str) -> None:
    pytest.importorskip("hatchling")
    from hatch_build import with_addresses

    assert with_addresses(before, "https://example.org/blob/v1") == after


def test_a_commit_without_the_tag_is_no_release(tmp_path: Path) -> None:
    (tmp_path / "core/dicomwire").mkdir(parents=True)
    (tmp_path / "core/dicomwire/_version.py").write_text('__version__ = "1.2.3"\n')
    identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    assert version_of(tmp_path) == "1.2.3"
    check_source(tmp_path, is_rehearsed=True)
    with pytest.raises(NotReady, match=r"no tag v1\.2\.3"):
        check_source(tmp_path, is_rehearsed=False)
    (tmp_path / "core/dicomwire/_version.py").write_text('__version__ = "1.2.4"\n')
    with pytest.raises(NotReady, match="not all is committed"):
        check_source(tmp_path, is_rehearsed=False)


def test_what_is_there_already_is_not_mixed_with_a_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DICOMWIRE_SOURCE_URL", "https://example.org")
    (tmp_path / "old.whl").touch()
    assert main(["--rehearse", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.endswith("is not empty\n")
