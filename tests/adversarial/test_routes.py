"""A whole run's way out: real package managers, a real git and a model's client in a real box, judged at the servers.

Each hostile program is also run with nothing around it, against the same servers: there it gets through.
"""

import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nucleus.egress.indexes import PUBLIC
from nucleus.kernel.exposure import UNTRUSTED
from nucleus.policy import call as kinds
from nucleus.policy.addresses import parse_url
from nucleus.policy.label_file import FileJournal
from nucleus.policy.labels import LabelStore
from tests import world
from tests.adversarial.composed import Owner
from tests.egress.servers import (
    Answer,
    Asked,
    Server,
    answering,
    forge,
    node_index,
    python_index,
    sha256,
    sri,
    tarball,
    wheel,
)
from tests.egress.world import Echo, serving, whole_request
from tests.local.box import needs_box
from tests.parts.world import parts

pytestmark = [needs_box, pytest.mark.timeout(120)]

WHEELS = {"gamma": wheel("gamma"), "delta": wheel("delta")}
LOCK = f"gamma==1.0 \\\n    --hash=sha256:{sha256(WHEELS['gamma'][0])}\n"
LOCKED = 'profile = "local_dev"\n[allow]\npackages = ["lock:requirements.txt"]\n'
PYPI, NPM = (parse_url(PUBLIC[kind][0]) for kind in ("pypi", "npm"))
HERE = "localhost"


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path)


@pytest.fixture
def index(owner: Owner) -> Iterator[Server]:
    """Serve packages where the public index is: to those whose resolver is the test's."""
    with answering(python_index(WHEELS), owner.authority, owner.root, PYPI.host, HERE) as site:
        owner.addresses[PYPI.place] = ["127.0.0.1", site.port]
        (owner.workspace / "requirements.txt").write_text(LOCK)
        yield site


PIP = (sys.executable, "-B", "-m", "pip", "--no-cache-dir")


def test_pip_installs_what_the_lock_file_has_and_it_runs(owner: Owner, index: Server) -> None:
    install = [*PIP, "install", "--no-compile", "--require-hashes", "-r", "requirements.txt", "--target", "lib"]
    done = owner.run(LOCKED, *install)
    assert done.status == 0, done.err
    assert done.err.endswith("nucleus: 9 changes applied\n")
    assert (owner.workspace / "lib" / "gamma" / "__init__.py").read_text() == "VERSION = '1.0'\n"
    assert set(done.decisions(kinds.PACKAGES)) == {("pypi:gamma", "allow")}


def test_what_an_index_sent_is_labelled_untrusted_when_it_comes_home_and_counts_in_the_next_run(
    owner: Owner, index: Server
) -> None:
    """The route's answer raises the exposure of the whole box, so all that it wrote from then on carries that."""
    assert owner.run(LOCKED, "sh", "-c", "echo own > own.txt").status == 0
    install = [*PIP, "install", "--no-compile", "--require-hashes", "-r", "requirements.txt", "--target", "lib"]
    done = owner.run(LOCKED, *install)
    assert not done.records[0]["state"][1] & UNTRUSTED
    labels = LabelStore(FileJournal.of_workspace(owner.state, str(owner.workspace)))
    bits = {name: labels.bits(name) & UNTRUSTED for name in ("own.txt", "lib/gamma/__init__.py")}
    assert bits == {"own.txt": 0, "lib/gamma/__init__.py": UNTRUSTED}
    after = owner.run(LOCKED, "true")
    assert after.records[0]["state"][1] & UNTRUSTED, "the next box shows what came from outside"


def test_a_package_that_the_lock_file_has_not_is_a_question_and_the_index_is_not_asked(
    owner: Owner, index: Server
) -> None:
    hostile = [*PIP, "download", "--no-deps", "delta"]
    done = owner.run(LOCKED, *hostile)
    assert done.status != 0
    assert done.decisions(kinds.PACKAGES) == [("pypi:delta", "ask")]
    assert "denied, since nobody is asked here" in done.err
    assert index.asked == []
    bare = {"PIP_INDEX_URL": f"https://{HERE}:{index.port}/simple", "PIP_CERT": str(owner.ca)}
    assert owner.bare(*hostile, environment=bare).returncode == 0
    assert "/simple/delta/" in index.paths  # beside what pip asks about itself, once in a while


def test_a_package_that_the_lock_file_has_not_is_installed_once_a_person_said_so(owner: Owner, index: Server) -> None:
    done = owner.run(LOCKED, *PIP, "download", "-q", "--no-deps", "delta", answer="allow")
    assert done.decisions(kinds.PACKAGES) == [("pypi:delta", "ask"), ("pypi:delta", "allow")]
    assert done.out.count("type allow or deny") == 1
    assert (owner.workspace / "delta-1.0-py3-none-any.whl").exists()


NODE_PACKAGES = {"left": {"right": "^1.0.0"}, "right": {}, "other": {}}
TARBALLS = {name: tarball(name, requires) for name, requires in NODE_PACKAGES.items()}


def node_lock(*names: str) -> str:
    """Return a package-lock.json of these packages, as it is written for the public registry."""
    modules = {
        f"node_modules/{name}": {
            "version": "1.0.0",
            "resolved": f"{NPM.text}{name}/-/{name}-1.0.0.tgz",
            "integrity": sri(TARBALLS[name]),
            "dependencies": NODE_PACKAGES[name],
        }
        for name in names
    }
    root = {"name": "app", "version": "1.0.0", "dependencies": {names[0]: "1.0.0"}}
    return json.dumps({"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": root, **modules}})


@pytest.fixture
def registry(owner: Owner) -> Iterator[Server]:
    parts()
    owner.with_npm()
    index = node_index(NODE_PACKAGES, TARBALLS, NPM.host)
    with answering(index, owner.authority, owner.root, NPM.host, HERE) as site:
        owner.addresses[NPM.place] = ["127.0.0.1", site.port]
        (owner.workspace / "package-lock.json").write_text(node_lock("left", "right"))
        manifest = {"name": "app", "version": "1.0.0", "dependencies": {"left": "1.0.0"}}
        (owner.workspace / "package.json").write_text(json.dumps(manifest))
        yield site


NODE_LOCKED = 'profile = "local_dev"\n[allow]\npackages = ["lock:package-lock.json"]\n'


def bare_npm(owner: Owner, registry: Server) -> dict[str, str]:
    """Return what leads an npm with nothing around it to the same registry."""
    place = f"https://{HERE}:{registry.port}/"
    plain = {"npm_config_audit": "false", "npm_config_update_notifier": "false", "npm_config_fetch_retries": "0"}
    token = {f"npm_config_//{HERE}:{registry.port}/:_authToken": "canary-of-the-box"}
    return {"npm_config_registry": place, "NODE_EXTRA_CA_CERTS": str(owner.ca), **plain, **token}


def test_npm_installs_what_the_lock_file_has(owner: Owner, registry: Server) -> None:
    done = owner.run(NODE_LOCKED, "npm", "ci", "--ignore-scripts")
    assert "added 2 packages" in done.out, done.err
    assert done.status == 75, "code that others run waits"
    assert set(done.decisions(kinds.PACKAGES)) == {("npm:left", "allow"), ("npm:right", "allow")}
    assert sorted(registry.paths) == ["/left/-/left-1.0.0.tgz", "/right/-/right-1.0.0.tgz"]
    assert "node_modules/right/index.js" in done.err


def test_a_package_of_npm_that_nobody_locked_is_a_question_and_the_registry_is_not_asked(
    owner: Owner, registry: Server
) -> None:
    hostile = ("npm", "install", "--ignore-scripts", "--no-save", "other")
    done = owner.run(NODE_LOCKED, *hostile)
    assert done.status != 0
    assert ("npm:other", "ask") in done.decisions(kinds.PACKAGES)
    assert not [path for path in registry.paths if "other" in path]
    bare = owner.bare(*hostile, environment=bare_npm(owner, registry))
    assert bare.returncode == 0, bare.stderr
    assert "/other/-/other-1.0.0.tgz" in registry.paths


def test_nothing_is_published_from_a_run(owner: Owner, registry: Server) -> None:
    """With a token of the agent's own, as a stolen one would be."""
    token = "npm_config_//127.0.0.1:3129/npm/:_authToken"
    publish = f"import os, sys; os.environ[{token!r}] = 'canary-of-the-box'; os.execvp('npm', ['npm', 'publish'])"
    (owner.workspace / "publish").write_text(f"#!/usr/bin/env python3\n{publish}\n")
    done = owner.run(NODE_LOCKED, "npm", "exec", "-c", "python3 publish")
    assert done.status != 0
    assert "E405" in done.err + done.out
    assert {one.method for one in registry.asked} <= {"GET"}
    bare = owner.bare("npm", "publish", environment=bare_npm(owner, registry))
    (sent,) = [one for one in registry.asked if one.method == "PUT"]
    assert sent.headers["authorization"] == "Bearer canary-of-the-box", bare.stderr


RELEASE = 'profile = "release"\n[allow]\nremotes = ["origin"]\nbranches = ["fix-*"]\n[deny]\nbranches = ["main"]\n'
COMMIT = "git checkout -q -b fix-1 && echo new > src/new.py && git add src && git commit -q -m new"


@pytest.fixture
def remote(owner: Owner) -> Iterator[tuple[Server, Path]]:
    """Serve the workspace's remote by git's own server, and return it with the bare repository behind it."""
    root = owner.root / "served" / "acme"
    root.mkdir(parents=True)
    with answering(forge(root.parent), owner.authority, owner.root, "forge.example", HERE) as site:
        place = f"forge.example:{site.port}"
        owner.addresses[place] = ["127.0.0.1", site.port]
        bare = owner.with_repository(f"https://{place}/acme/app.git")
        (root / "app.git").symlink_to(bare)
        owner.credential(f"https://{place}/acme", "canary-of-the-owner")
        yield site, bare


def refs(bare: Path) -> dict[str, str]:
    """Return what the remote has."""
    lines = world.git(bare, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return {line.split()[0]: line.split()[1] for line in lines}


def test_git_fetches_and_pushes_and_the_push_is_the_gate_s(owner: Owner, remote: tuple[Server, Path]) -> None:
    site, bare = remote
    other = owner.root / "other"
    world.git(owner.root, "clone", "-q", str(bare), str(other))
    world.git(other, "commit", "-q", "--allow-empty", "-m", "of somebody else")
    world.git(other, "push", "-q", "origin", "main")
    script = f"git fetch -q origin && git merge -q --ff-only origin/main && {COMMIT} && git push origin fix-1 && env"
    done = owner.run(RELEASE, "sh", "-c", script, answer="allow")
    tips = refs(bare)
    assert tips.keys() == {"refs/heads/main", "refs/heads/fix-1"}, done.out
    assert world.git(bare, "log", "--format=%s", "fix-1").split("\n")[:2] == ["new", "of somebody else"]
    made = [one for one in site.asked if one.method == "POST" and one.path.endswith("receive-pack")]
    fetched = [one for one in site.asked if one.headers["user-agent"] == "nucleus-runtime"]
    assert {one.headers["authorization"].split()[0] for one in fetched} == {"Basic"}
    assert all("git/2" in one.headers["user-agent"] for one in made)
    assert "canary-of-the-owner" not in done.out
    assert [one for one, verdict in done.decisions(kinds.DELIVER) if verdict == "allow"]


def test_a_ref_that_is_not_allowed_does_not_move(owner: Owner, remote: tuple[Server, Path]) -> None:
    site, bare = remote
    before = refs(bare)
    done = owner.run(
        RELEASE, "sh", "-c", f"{COMMIT}; git push origin fix-1:main fix-1:refs/heads/fix-2", answer="allow"
    )
    assert refs(bare) == before | {"refs/heads/fix-2": refs(bare)["refs/heads/fix-2"]}
    assert "[remote rejected] fix-1 -> main (denied (scope)" in done.out
    place = f"https://{HERE}:{site.port}/acme/app.git"
    words = ("-c", f"http.sslCAInfo={owner.ca}", "push", place, "fix-1:main")
    assert owner.bare("git", *words).returncode == 0
    assert refs(bare)["refs/heads/main"] != before["refs/heads/main"]


def test_plain_pull_and_push_work_where_the_owner_s_remote_is_reached_by_ssh(owner: Owner) -> None:
    """The branch follows what it follows outside, and the end of the run has nothing that waits."""
    (owner.root / "served" / "acme").mkdir(parents=True)
    with ExitStack() as held:
        names = (owner.root, "forge.example", HERE)
        try:
            site = held.enter_context(answering(forge(owner.root / "served"), owner.authority, *names, port=443))
        except PermissionError:
            pytest.skip("only a privileged user serves at port 443, and an ssh address leads there")
        owner.addresses["forge.example:443"] = ["127.0.0.1", 443]
        bare = owner.with_repository("git@forge.example:acme/app.git")
        (owner.root / "served" / "acme" / "app.git").symlink_to(bare)
        owner.credential("https://forge.example/acme", "canary-of-the-owner")
        world.git(owner.workspace, "config", "branch.main.remote", "origin")
        world.git(owner.workspace, "config", "branch.main.merge", "refs/heads/main")
        change = "echo new > src/new.py && git add src && git commit -q -m new"
        script = f"git pull -q && {change} && git push; git fetch git@forge.example:another/app.git"
        policy = 'profile = "release"\n[allow]\nbranches = ["main"]\n'
        done = owner.run(policy, "sh", "-c", script, options=("--allow-remote", "origin"), answer="allow")
    assert world.git(bare, "log", "-1", "--format=%s", "main") == "new\n", done.out
    assert "no ssh leaves a box" in done.out
    assert "is held" not in done.out
    assert "/another/app.git" not in str(site.paths)


CONNECT = """
import socket, ssl, sys
host, port, ca = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if port == 3128:
    sock = socket.create_connection(("127.0.0.1", 3128), 20)
    sock.sendall(f"CONNECT {host}:443 HTTP/1.1\\r\\nHost: {host}:443\\r\\n\\r\\n".encode())
    answer = sock.recv(4096)
    print(answer.decode())
    if b" 200 " not in answer:
        sys.exit(1)
else:
    sock = socket.create_connection(("127.0.0.1", port), 20)
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with context.wrap_socket(sock, server_hostname=host) as inner:
    inner.sendall(f"GET /canary HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n".encode())
    while data := inner.recv(4096):
        print(data.decode())
"""


def test_a_tunnel_leads_to_a_host_that_was_named_and_to_no_other(owner: Owner) -> None:
    """The other host is one that could be reached: nothing but the decision is in between."""

    def page(_: Asked) -> Answer:
        return 200, "text/plain", b"a page"

    policy = 'profile = "local_dev"\n[allow]\nfetch = ["named.example"]\n'
    with answering(page, owner.authority, owner.root, "named.example", "evil.example") as site:
        owner.addresses |= {f"{name}.example:443": ["127.0.0.1", site.port] for name in ("named", "evil")}
        done = owner.run(policy, "python3", "-c", CONNECT, "evil.example", "3128", "")
        assert (done.status, "403" in done.out) == (1, True)
        assert site.asked == []
        done = owner.run(policy, "python3", "-c", CONNECT, "named.example", "3128", "", answer="allow")
        assert "a page" in done.out
        assert len(site.asked) == 1
        bare = owner.bare(sys.executable, "-c", CONNECT, "evil.example", str(site.port), "")
        assert "a page" in bare.stdout, bare.stderr
        assert len(site.asked) == 2


MODEL = parse_url("https://api.anthropic.com/")
CLAUDE = """#!/usr/bin/env python3
import json, os, threading, urllib.request

def ask(text):
    body = json.dumps({"model": "m", "max_tokens": 5, "stream": True, "messages": [{"role": "user", "content": text}]})
    place = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
    headers = {"content-type": "application/json", "x-api-key": os.environ["ANTHROPIC_API_KEY"]}
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return direct.open(urllib.request.Request(place, body.encode(), headers), timeout=60)

first = ask("first")
print(first.readline().decode(), flush=True)
print(ask("second").read().decode(), flush=True)
print(first.read().decode(), flush=True)
"""
EVENT = b'data: {"type": "message_delta", "usage": {"output_tokens": 7}, "of": "%s"}\n\n'


def test_a_model_s_answer_streams_and_the_agent_never_has_the_key(owner: Owner) -> None:
    """The first answer ends only once the second was asked for, and that is asked once the first has begun."""
    second = threading.Event()

    def talk(sock: socket.socket, echo: Echo) -> None:
        asked = whole_request(sock)
        echo.got.append(asked)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        if b"second" in asked:
            second.set()
            sock.sendall(EVENT % b"second")
            return
        sock.sendall(EVENT % b"first")
        if second.wait(30):
            sock.sendall(EVENT % b"last")

    (owner.tools / "claude").write_text(CLAUDE)
    (owner.tools / "claude").chmod(0o755)
    with serving(talk, context=owner.authority.context(owner.root, MODEL.host)) as site:
        owner.addresses[MODEL.place] = ["127.0.0.1", site.port]
        key = {"ANTHROPIC_API_KEY": "canary-of-the-owner"}
        options = ("--report", str(owner.root / "report.json"))
        done = owner.run('profile = "local_dev"\n', "claude", environment=key, options=options)
    assert all(f'"of": "{word}"' in done.out for word in ("first", "second", "last")), done.out + done.err
    assert done.status == 0, done.err
    assert all(b"x-api-key: canary-of-the-owner" in one and b"nucleus-holds-it" not in one for one in site.got)
    assert "canary-of-the-owner" not in done.out
    assert json.loads((owner.root / "report.json").read_text())["egress"]["models"]["anthropic"]["output_tokens"] == 14
    assert done.decisions(kinds.MODEL) == [(MODEL.place, "allow")] * 2
