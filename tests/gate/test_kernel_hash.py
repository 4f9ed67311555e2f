"""The kernel that runs is the kernel that was proved, or nothing starts."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate import kernel_hash as module

SOURCES = Path(module.__file__).parents[2]


def test_the_pinned_kernel_is_the_one_on_disk() -> None:
    """A stale pin means that the proofs were not run for this kernel: run make prove."""
    assert module.verify_kernel() == hashlib.sha256(module.PIN.read_bytes()).hexdigest()


def test_the_pin_can_be_checked_with_sha256sum_alone() -> None:
    for line in module.PIN.read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((SOURCES / name).read_bytes()).hexdigest() == digest


def test_every_source_of_the_kernel_is_in_the_pin() -> None:
    listed = {line.split("/")[-1] for line in module.PIN.read_text().splitlines()}
    assert {path.name for path in (SOURCES / "nucleus" / "kernel").glob("*.py")} == listed


@pytest.mark.parametrize("tamper", ["edited", "added", "removed"])
def test_a_kernel_that_was_edited_added_to_or_cut_is_refused_by_name(tmp_path: Path, tamper: str) -> None:
    """The defence at work, on a copy of the package."""
    copy = tmp_path / "nucleus"
    shutil.copytree(SOURCES / "nucleus", copy, ignore=shutil.ignore_patterns("__pycache__"))
    target = copy / "kernel" / ("extra.py" if tamper == "added" else "delegate.py")
    if tamper == "removed":
        target.unlink()
    else:
        before = "" if tamper == "added" else target.read_text()
        target.write_text(before + "\n# one line more\n")
    probe = "from nucleus.gate.kernel_hash import verify_kernel; verify_kernel()"
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-c", probe], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "CannotEnforce" in done.stderr
    assert target.name in done.stderr


def test_a_pin_that_cannot_be_read_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = module.compared(tmp_path / "absent")
    assert found.what == "the pinned kernel hash can't be read"
    monkeypatch.setattr(module, "AT_IMPORT", found)
    with pytest.raises(CannotEnforce, match="pinned kernel hash"):
        module.verify_kernel()


def test_the_kernel_is_looked_at_when_it_is_imported_and_not_later(tmp_path: Path) -> None:
    """A kernel that was another one at import is refused, even if the proved one is back before a principal opens."""
    copy = tmp_path / "nucleus"
    shutil.copytree(SOURCES / "nucleus", copy, ignore=shutil.ignore_patterns("__pycache__"))
    target = copy / "kernel" / "delegate.py"
    proved = target.read_text()
    target.write_text(proved + "\n# one line more\n")
    probe = (
        "import sys; from nucleus.gate.kernel_hash import verify_kernel\n"
        "open(sys.argv[1], 'w').write(open(sys.argv[2]).read()); verify_kernel()"
    )
    (tmp_path / "proved").write_text(proved)
    command = [sys.executable, "-S", "-B", "-c", probe, str(target), str(tmp_path / "proved")]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert target.read_text() == proved
    assert "delegate.py differ" in done.stderr
