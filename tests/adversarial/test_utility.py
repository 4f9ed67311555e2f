"""What ordinary work needs works in a run: a box that nobody can work in protects nobody."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adversarial.test_ways import nucleus
from tests.local.box import needs_box, private

pytestmark = [needs_box, pytest.mark.timeout(120)]

SERVER = """
import http.server, threading, urllib.request
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}/page.txt"
print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url).read().decode())
"""
MANY = """
import asyncio, concurrent.futures, multiprocessing, os, socket, sqlite3, subprocess, tempfile, threading

with concurrent.futures.ThreadPoolExecutor(8) as pool:
    assert sum(pool.map(lambda n: n * n, range(100))) == 328350
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
assert multiprocessing.get_context("spawn").Value("i", 7).value == 7
one, other = socket.socketpair()
one.sendall(b"x"); assert other.recv(1) == b"x"
with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
    server.bind("local.sock"); server.listen(); client.connect("local.sock"); os.unlink("local.sock")
with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
    socket.create_connection(server.getsockname()[:2]).close()
async def main():
    process = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
    assert (await process.communicate())[0] == b"hello\\n"
asyncio.run(main())
with tempfile.NamedTemporaryFile() as file:
    database = sqlite3.connect(file.name); database.execute("create table t (a)"); database.close()
database = sqlite3.connect("kept.db")
database.execute("pragma journal_mode=wal")
database.close()
os.unlink("kept.db")
assert subprocess.run("true | cat && test -w /dev/null && : > /dev/stderr", shell=True).returncode == 0
os.makedirs("one/two")
open("one/two/file", "w").close()
os.rename("one/two/file", "one/file")
os.link("one/file", "one/link")
os.symlink("file", "one/soft")
for name in ("link", "soft", "file"):
    os.unlink(f"one/{name}")
os.removedirs("one/two")
print("all of it")
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return private(tmp_path / "state")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with one commit."""
    folder = tmp_path / "repository"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text("def double(n):\n    return n + n\n")
    (folder / "test_app.py").write_text("from src.app import double\ndef test_it():\n    assert double(2) == 4\n")
    (folder / "page.txt").write_text("a page")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def ran(state: Path, folder: Path, *words: str, status: int = 0) -> str:
    """Run a command, and return what it said. Fails unless it ends with ``status``."""
    done = subprocess.run(nucleus(state, folder, "--", *words), capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_an_edit_comes_home(state: Path, repository: Path) -> None:
    ran(state, repository, "sed", "-i", "s/n + n/2 * n/", "src/app.py")
    assert "2 * n" in (repository / "src" / "app.py").read_text()
    assert git(repository, "status", "--porcelain") == "M src/app.py"


def test_an_editor_s_way_of_saving_comes_home(state: Path, repository: Path) -> None:
    """Written beside, synced, renamed over the old file."""
    script = "cd src && cp app.py app.py~ && echo '# more' >> app.py~ && sync app.py~ && mv app.py~ app.py"
    ran(state, repository, "sh", "-c", script)
    assert (repository / "src" / "app.py").read_text().endswith("# more\n")
    assert sorted(os.listdir(repository / "src")) == ["app.py"]


def test_a_commit_comes_home_as_a_commit(state: Path, repository: Path) -> None:
    before = git(repository, "rev-parse", "HEAD")
    who = "git -c user.name=Agent -c user.email=agent@example.com"
    script = f"echo '# more' >> src/app.py && git add -A && {who} commit -q -m 'second' && git status --short"
    assert ran(state, repository, "sh", "-c", script) == ""
    assert git(repository, "rev-parse", "HEAD~1") == before
    assert git(repository, "log", "-1", "--format=%s %an") == "second Agent"
    assert git(repository, "status", "--porcelain") == ""


def test_git_works_as_it_does_outside(state: Path, repository: Path) -> None:
    script = "git switch -q -c topic && git log --oneline | wc -l && git diff HEAD && git branch --show-current"
    assert ran(state, repository, "sh", "-c", script).split() == ["1", "topic"]


def test_a_test_run_works(state: Path, repository: Path) -> None:
    script = "import test_app; test_app.test_it(); print('tested')"
    assert ran(state, repository, sys.executable, "-B", "-c", script) == "tested\n"


def test_a_server_on_loopback_is_reached_by_its_tests(state: Path, repository: Path) -> None:
    assert ran(state, repository, sys.executable, "-B", "-c", SERVER) == "a page\n"


def test_threads_processes_sockets_databases_and_links_work(state: Path, repository: Path) -> None:
    assert ran(state, repository, sys.executable, "-B", "-c", MANY) == "all of it\n"


def test_output_input_and_status_are_the_command_s_own(state: Path, repository: Path) -> None:
    words = nucleus(state, repository, "--", "sh", "-c", "cat; exit 3")
    done = subprocess.run(words, input=b"in\0put", capture_output=True, cwd=repository, check=False)
    assert (done.returncode, done.stdout) == (3, b"in\0put")


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_program_of_node_works(state: Path, repository: Path) -> None:
    script = (
        "const http = require('http'), {execFileSync} = require('child_process');"
        "console.log(execFileSync('echo', ['child']).toString().trim());"
        "const s = http.createServer((_, r) => r.end('served')).listen(0, '127.0.0.1', () =>"
        " http.get({port: s.address().port, host: '127.0.0.1'},"
        " r => r.on('data', d => { console.log('' + d); s.close(); })));"
    )
    assert ran(state, repository, "node", "-e", script).split() == ["child", "served"]


@pytest.mark.skipif(shutil.which("cc") is None or shutil.which("make") is None, reason="no compiler is installed")
def test_a_build_works(state: Path, repository: Path) -> None:
    (repository / "app.c").write_text('#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n')
    (repository / "Makefile").write_text("app: app.c\n\tcc -o $@ $<\n")
    assert "built" in ran(state, repository, "sh", "-c", "make -s && ./app && rm app")


INSTALL = """
import subprocess, sys
words = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--target", "/tmp/x", "small-1.0-py3-none-any.whl"]
subprocess.run(words, check=True)
subprocess.run([sys.executable, "-B", "-m", "small"], check=True, env={"PYTHONPATH": "/tmp/x"})
subprocess.run([sys.executable, "-m", "venv", "--without-pip", "/tmp/v"], check=True)
subprocess.run(["/tmp/v/bin/python", "-B", "-c", "print('own environment')"], check=True)
"""


def test_a_package_of_the_workspace_is_installed(state: Path, repository: Path) -> None:
    """Without any network, into a folder of the box's own; and an environment is made."""
    _wheel(repository / "small-1.0-py3-none-any.whl")
    assert ran(state, repository, sys.executable, "-B", "-c", INSTALL) == "small\nown environment\n"


def _wheel(path: Path) -> None:
    import zipfile

    info = "small-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("small.py", "print('small')\n")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
