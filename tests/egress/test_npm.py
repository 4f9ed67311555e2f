"""The route to npm's registry with a real npm: locked, asked for, never published to."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.egress.npm import tarball_of
from nucleus.policy import call as kinds
from tests.egress.servers import node_index, sri, tarball
from tests.egress.world import Box, indexed, run

PACKAGES = {"alpha": {"@scope/beta": "^1.0.0"}, "@scope/beta": {}, "gamma": {}}
CONTENTS = {name: tarball(name, requires) for name, requires in PACKAGES.items()}
LOCK = json.dumps(
    {
        "name": "app",
        "lockfileVersion": 3,
        "requires": True,
        "packages": {
            "": {"name": "app", "dependencies": {"gamma": "1.0.0"}},
            "node_modules/gamma": {
                "version": "1.0.0",
                "resolved": "https://registry.example/gamma/-/gamma-1.0.0.tgz",
                "integrity": sri(CONTENTS["gamma"]),
            },
        },
    }
)
LOCKED = 'profile = "test_runner"\n[allow]\npackages = ["lock:package-lock.json"]\n'
Start = Callable[..., Box]
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed here")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with indexed(tmp_path, "npm", "https://registry.example/", {"package-lock.json": LOCK}) as make:

        def begin(policy: str, contents: dict[str, bytes] | None = None, **more: Any) -> Box:
            return make(policy, node_index(PACKAGES, contents or CONTENTS), **more)

        yield begin


def npm(box: Box, folder: Path, *words: str) -> Any:
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "npm_config_registry": f"http://127.0.0.1:{box.routes}/npm/",
        "npm_config_replace_registry_host": "always",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
        "npm_config_cache": str(folder / "cache"),
        f"npm_config_//127.0.0.1:{box.routes}/npm/:_authToken": "canary-of-the-box",
    }
    return run([str(shutil.which("npm")), *words], env=environment, cwd=folder)


def project(folder: Path, **fields: Any) -> Path:
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"name": "app", "version": "1.0.0", **fields}))
    return folder


def decisions(box: Box) -> list[tuple[str, str]]:
    return [(one["destination"], one["verdict"]) for one in box.records() if one["kind"] == kinds.PACKAGES]


@needs_npm
def test_what_a_trusted_lock_file_has_is_installed_without_a_question(start: Start, tmp_path: Path) -> None:
    box = start(LOCKED)
    folder = project(tmp_path / "app", dependencies={"gamma": "1.0.0"})
    (folder / "package-lock.json").write_text(LOCK)
    done = npm(box, folder, "ci")
    assert done.returncode == 0, done.stderr
    assert (folder / "node_modules" / "gamma" / "index.js").is_file()
    assert decisions(box) == [("npm:gamma", "allow")]
    assert box.site.paths == ["/gamma/-/gamma-1.0.0.tgz"]
    assert "canary-of-the-box" not in str(box.site.asked)


@needs_npm
def test_a_set_that_nobody_named_is_one_question_and_what_it_requires_belongs_to_it(
    start: Start, tmp_path: Path
) -> None:
    box = start('profile = "codegen"\n', answers={"*": True})
    folder = project(tmp_path / "app")
    done = npm(box, folder, "install", "alpha")
    assert done.returncode == 0, done.stderr
    assert (folder / "node_modules" / "@scope" / "beta").is_dir()
    assert decisions(box) == [("npm:alpha", "ask"), ("npm:alpha", "allow")]
    lock = (folder / "package-lock.json").read_text()
    assert '"resolved": "https://registry.example/alpha/-/alpha-1.0.0.tgz"' in lock
    assert "127.0.0.1" not in lock


def test_a_client_that_goes_where_a_document_says_is_led_back_here(start: Start) -> None:
    box = start(LOCKED)
    for agent, place in (
        ("pnpm/9.1.0 npm/? node/v20", "http://a/npm/"),
        ("npm/11.0.0 node/v24", "https://registry.example/"),
    ):
        head = f"Host: a\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
        got = box.ask(f"GET /npm/gamma HTTP/1.1\r\n{head}", box.routes)
        assert f'"tarball":"{place}gamma/-/gamma-1.0.0.tgz"'.encode() in got


@needs_npm
def test_nothing_is_published(start: Start, tmp_path: Path) -> None:
    box = start('profile = "codegen"\n', answers={"*": True})
    done = npm(box, project(tmp_path / "mine"), "publish")
    assert done.returncode != 0
    assert "E405" in done.stderr
    assert {one.method for one in box.site.asked} <= {"GET"}


def test_bytes_that_are_not_what_the_integrity_says_never_arrive_whole(start: Start) -> None:
    evil = dict(CONTENTS, gamma=tarball("gamma", {"evil": "*"}))
    box = start(LOCKED, contents=evil)
    got = box.ask("GET /npm/gamma/-/gamma-1.0.0.tgz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", box.routes)
    assert len(got.partition(b"\r\n\r\n")[2]) < len(evil["gamma"])


def test_a_document_has_only_versions_that_the_lock_file_has(start: Start) -> None:
    box = start(LOCKED, contents=dict(CONTENTS, gamma=b"another version"))
    got = box.ask("GET /npm/gamma HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", box.routes)
    assert b'"versions":{}' in got
    assert b'"dist-tags":{}' in got


def test_what_is_no_package_is_not_there(start: Start) -> None:
    box = start(LOCKED)
    for path, status in (
        ("/npm/-/v1/search?text=x", 404),
        ("/npm/..%2f..%2fx", 400),
        ("/npm/", 404),
        ("/npm/gamma/-/other-9.tgz", 404),
        ("/npm/-/ping", 200),
        ("/npm/@scope", 404),
    ):
        got = box.ask(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", box.routes)
        assert got.startswith(f"HTTP/1.1 {status} ".encode()), (path, got[:60])


def test_a_tarball_is_named_as_registries_name_it() -> None:
    assert tarball_of("@scope/beta", "1.0.0") == "beta-1.0.0.tgz"
