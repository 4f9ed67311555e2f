"""The start of privileged processes: nothing planted is ever imported, nothing is imported late."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus import Session, privileged, session
from nucleus.gate.hardening import LATE
from nucleus.tools import fs
from tests import world

SOURCE = Path(privileged.__file__).parent
BELOW = ("kernel", "policy", "trace", "gate", "egress", "tools", "local", "mcp")
OF_CLIENTS = {"gate/connection.py", "gate/approver.py", "local/editable.py", "mcp/suggest.py"}


def test_every_import_inside_of_a_function_is_made_before_imports_are_frozen() -> None:
    late = set()
    for room in BELOW:
        for path in (SOURCE / room).rglob("*.py"):
            if str(path.relative_to(SOURCE)) in OF_CLIENTS | {"tools/worker.py", "local/inside.py"}:
                continue
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    late |= {(path.name, name) for node in ast.walk(function) for name in _imported(node)}
    known = {*LATE, *privileged.LAZY}
    assert {(file, name) for file, name in late if name.split(".")[0] != "nucleus" and name not in known} == set()


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


HOSTILE = "from pathlib import Path\nPath({canary!r}).write_text(__file__)\n"


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a canary that any planted module, start-up file or variable would write."""
    repo, canary = world.repository(tmp_path / "repo").clone, tmp_path / "canary"
    code = HOSTILE.format(canary=str(canary))
    for name in ("nucleus", "cryptography", "encodings"):
        (repo / name).mkdir()
        (repo / name / "__init__.py").write_text(code)
    for name in ("json", "sitecustomize", "usercustomize", "socket", "struct", "conftest", "secrets", "hashlib"):
        (repo / f"{name}.py").write_text(code)
    (repo / "planted.pth").write_text(f"import os; open({str(canary)!r}, 'w').write('pth')\n")
    home = tmp_path / "hostile-home"
    user_site = home / ".local" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    user_site.mkdir(parents=True)
    shutil.copy(repo / "planted.pth", user_site / "planted.pth")
    shutil.copy(repo / "sitecustomize.py", user_site / "usercustomize.py")
    for name, value in {
        "PYTHONPATH": str(repo),
        "PYTHONSTARTUP": str(repo / "json.py"),
        "PYTHONINSPECT": "1",
        "PYTHONHOME": str(repo),
        "PYTHONUSERBASE": str(home / ".local"),
        "PYTHONWARNINGS": "error",
        "PYTHONBREAKPOINT": "planted.run",
        "LD_PRELOAD": str(repo / "evil.so"),
        "LD_LIBRARY_PATH": str(repo),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(repo),
        "XDG_STATE_HOME": str(repo),
        "XDG_DATA_HOME": str(repo),
        "SSL_CERT_FILE": str(repo / "evil.pem"),
        "GIT_DIR": str(repo / "evil.git"),
        "PATH": f"{repo}:{os.environ['PATH']}",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(repo)
    return canary


def test_a_workspace_and_an_environment_full_of_traps_run_none_of_them(hostile: Path, tmp_path: Path) -> None:
    try:
        with Session(profile="safe_pr_fixer", state=tmp_path / "state"):
            assert fs.read("README.md") == "# App\n"
            fs.write("README.md", "changed\n")
    finally:
        session.end_gate()
    assert not hostile.exists()


def test_a_plain_start_in_the_same_place_does_run_them(hostile: Path) -> None:
    """The defence switched off: ``python -c`` without the start-up discipline."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "LD_PRELOAD"}}
    subprocess.run([sys.executable, "-c", "import json"], env=environment, check=False, capture_output=True)
    assert hostile.exists()


def test_a_gate_is_unreadable_and_says_nothing_on_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.repository(tmp_path / "repo").clone)
    try:
        with Session(profile="safe_pr_fixer", state=tmp_path / "state"):
            owner = os.stat(f"/proc/{session.gate_pid()}/environ").st_uid
            environment = Path(f"/proc/{session.gate_pid()}/environ").read_bytes() if os.getuid() == 0 else b""
            assert owner == 0, "a process that is not dumpable belongs to root in /proc (proc(5))"
            assert b"XDG" not in environment
    finally:
        session.end_gate()


def test_a_mediator_hashes_by_itself_as_with_openssl_and_does_not_hold_it() -> None:
    """And without that, OpenSSL's library is mapped for the first digest."""
    code = (
        "import sys\n"
        f"sys.path.append({str(SOURCE.parent)!r})\n"
        "from nucleus import privileged\n"
        "if sys.argv[1] == 'alone': privileged.hash_alone()\n"
        "import hashlib, hmac\n"
        "maps = open('/proc/self/maps').read()\n"
        "print('libcrypto' in maps or '_hashlib' in maps, hashlib.sha256(b'x').hexdigest(),"
        " hmac.digest(b'k', b'x', 'sha256').hex(), hmac.compare_digest(b'a', b'a'))\n"
    )
    alone, with_openssl = (
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", code, word], capture_output=True, text=True, check=True
        ).stdout.split()
        for word in ("alone", "")
    )
    assert alone[1:] == with_openssl[1:]
    assert (alone[0], with_openssl[0]) == ("False", "True")


def test_a_gate_whose_starter_is_gone_ends_without_a_word() -> None:
    script = "import os; from nucleus.gate.spawn import start; start(['gate']); os._exit(0)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
