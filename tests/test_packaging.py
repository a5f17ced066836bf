"""The wheel and the sdist: the README's lines of installation are run in new environments, as somebody else would.

This needs the package index, as an installation does; without it, these tests fail.
"""

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from replicator import __version__
from tests.fix_pages import ROOT

SECONDS = 300
LEFT_BEHIND = shutil.ignore_patterns(".git", ".*_cache", ".hypothesis", "__pycache__", ".coverage*", "dist", "build")
Shell = Callable[[str, Path], str]
README = (ROOT / "README.md").read_text("utf-8")


def shell(environment: Path) -> Shell:
    """Return what runs a line with the programs of a virtual environment first."""
    foreign = re.compile("^(PYTHON|REPLICATOR_|VIRTUAL_ENV|COVERAGE)")
    variables = {name: value for name, value in os.environ.items() if not foreign.match(name)}
    variables["PATH"] = f"{environment / 'bin'}:{variables['PATH']}"

    def run(line: str, folder: Path) -> str:
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=variables, capture_output=True, text=True, timeout=SECONDS
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout: builds leave files beside it."""
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("packaging") / "checkout", ignore=LEFT_BEHIND)


@pytest.fixture
def new(tmp_path: Path) -> Shell:
    """A virtual environment with nothing in it but pip."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    return shell(tmp_path / "venv")


def works_outside(run: Shell, folder: Path) -> None:
    """Assert that the installed program runs where there is no checkout."""
    where = run("python -c 'import replicator; print(replicator.__file__)'", folder).strip()
    assert "site-packages" in where
    assert __version__ in run("replicator --version", folder)
    assert "privileges" in run("python -m replicator help", folder)
    assert run("replicator help resume", folder) == (ROOT / "replicator" / "help" / "resume.md").read_text("utf-8")
    assert "--jobs" in run("replicator clone --help", folder)


def test_each_way_of_the_readme_installs_it(new: Shell, checkout: Path, tmp_path: Path) -> None:
    """One after another in the same environment: the dependencies are fetched once."""
    lines = [text.strip() for text in README.splitlines() if text.startswith("    pip ")]
    demo, *ways = [text for text in lines if "[test]" not in text]
    assert demo == 'pip install ".[demo]" && python -m replicator demo'
    assert len(ways) == 2
    assert "The copy is complete and verified" in new(demo, checkout)
    for way in ways:
        new("pip uninstall --yes replicator", tmp_path)
        new(way, checkout)
        works_outside(new, tmp_path)


def test_wheel_and_sdist_have_all_files_and_what_describes_them(new: Shell, checkout: Path, tmp_path: Path) -> None:
    new(f"pip install hatchling && python -m hatchling build --directory {tmp_path / 'built'}", checkout)
    (wheel,) = (tmp_path / "built").glob("*.whl")
    (sdist,) = (tmp_path / "built").glob("*.tar.gz")
    package = {
        str(path.relative_to(checkout))
        for path in (checkout / "replicator").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        assert package <= set(archive.namelist())
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        said = email.message_from_bytes(archive.read(metadata))
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert package | {"README.md", "LICENSE", "CHANGELOG.md", "tests/conftest.py"} <= names
    assert said["Version"] == __version__
    assert said["Author"] == "replicator contributors"
    supported = re.findall(r"Python :: (3\.\d+)", "\n".join(said.get_all("Classifier")))
    assert supported == ["3.11", "3.12", "3.13", "3.14"]
    new(f"pip install {sdist}", tmp_path)
    works_outside(new, tmp_path)
