"""Programs in a box learn of its routes by variables, and git takes each spelling of a remote to its route."""

import os
import subprocess
from pathlib import Path

import pytest

from nucleus.policy.routes import ROUTES, environment_for, git_settings, spellings

REMOTES = {"origin": "git@github.com:acme/app.git", "up": "https://forge.example/acme/up", "disk": "/srv/app.git"}


def led(folder: Path, url: str) -> str:
    """Return where git goes for a URL."""
    environment = {"PATH": os.defpath, "HOME": str(folder), **git_settings(REMOTES)}
    words = ["git", "ls-remote", "--get-url", url]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("git@github.com:acme/app.git", f"{ROUTES}/git/origin"),
        ("git@github.com:acme/app", f"{ROUTES}/git/origin"),
        ("ssh://git@github.com/acme/app.git", f"{ROUTES}/git/origin"),
        ("https://github.com/acme/app.git", f"{ROUTES}/git/origin"),
        ("https://github.com/acme/app", f"{ROUTES}/git/origin"),
        ("https://forge.example/acme/up.git", f"{ROUTES}/git/up"),
        ("git@forge.example:acme/up", f"{ROUTES}/git/up"),
        ("https://github.com/evil/app.git", "https://github.com/evil/app.git"),
        ("/srv/app.git", "/srv/app.git"),
    ],
)
def test_git_takes_each_spelling_to_the_route_and_no_other_url(tmp_path: Path, url: str, place: str) -> None:
    assert led(tmp_path, url) == place


def test_package_managers_are_led_to_their_index() -> None:
    found = environment_for({})
    assert found["PIP_INDEX_URL"] == "http://127.0.0.1:3129/pypi/simple/"
    assert found["npm_config_registry"] == "http://127.0.0.1:3129/npm/"
    for name in ("UV_DEFAULT_INDEX", "PDM_PYPI_URL", "PIPENV_PYPI_MIRROR"):
        assert found[name] == found["PIP_INDEX_URL"]
    for name in ("pnpm_config_registry", "YARN_REGISTRY", "YARN_NPM_REGISTRY_SERVER", "BUN_CONFIG_REGISTRY"):
        assert found[name].rstrip("/") == "http://127.0.0.1:3129/npm"
    assert "GIT_CONFIG_COUNT" not in found
    count = sum(2 + len(spellings(REMOTES[name])) for name in ("origin", "up"))
    assert environment_for(REMOTES)["GIT_CONFIG_COUNT"] == str(count)


def test_a_box_knows_the_names_of_remotes_and_no_password(tmp_path: Path) -> None:
    remotes = {
        **REMOTES,
        "leaky": "https://user:canary@forge.example/acme/app.git",
        "token": "https://canary@f.example/x",
    }
    found = environment_for(remotes)
    assert "canary" not in str(found)
    assert led(tmp_path, "origin") == f"{ROUTES}/git/origin"
    assert led(tmp_path, "up") == f"{ROUTES}/git/up"


def test_a_remote_with_a_port_of_its_own_has_no_ssh_spelling() -> None:
    assert spellings("https://forge.example:8443/a.git") == [
        "https://forge.example:8443/a.git",
        "https://forge.example:8443/a",
    ]
