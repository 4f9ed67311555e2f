"""What a command needs of home to start: found, and as little around it as will do."""

import os
from pathlib import Path

import pytest

from nucleus.local.toolchain import Finder, ToolChain


class Home:
    """A home directory with tools in it, a workspace, and a search path."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.workspace = root / "home" / "project"
        self.state = root / "home" / ".local" / "state" / "nucleus"
        for place in (self.workspace, self.state):
            place.mkdir(parents=True)

    def tool(self, path: str, text: str = "\x7fELF") -> Path:
        """Make an executable file below home."""
        place = self.home / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(0o755)
        return place

    def link(self, path: str, target: str) -> Path:
        place = self.home / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
        return place

    def python(self, path: str) -> Path:
        """Make an installation of Python."""
        self.tool(f"{path}/bin/python3")
        self.tool(f"{path}/lib/python3.12/os.py", "")
        return self.home / path

    def find(self, command: str, *folders: str) -> ToolChain:
        search = ":".join(str(self.home / folder) for folder in folders) + ":/usr/bin:/bin"
        finder = Finder(search, ("/usr", "/bin"), str(self.workspace), (str(self.state),), str(self.home))
        finder.look(command)
        return finder.result()

    def shown(self, command: str, *folders: str) -> list[str]:
        return [os.path.relpath(path, self.home) for path in self.find(command, *folders).readable]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(Path(os.path.realpath(tmp_path)))


def test_a_command_of_the_system_needs_nothing(home: Home) -> None:
    assert home.find("sh") == ToolChain()


def test_a_tool_s_own_prefix_is_shown(home: Home) -> None:
    home.tool(".nvm/versions/node/v22/bin/node")
    assert home.shown("node", ".nvm/versions/node/v22/bin") == [".nvm/versions/node/v22"]


def test_a_script_of_packages_is_shown_with_them_its_link_and_its_interpreter(home: Home) -> None:
    prefix = ".nvm/versions/node/v22"
    home.tool(f"{prefix}/bin/node")
    home.tool(f"{prefix}/lib/node_modules/@an/agent/cli.js", "#!/usr/bin/env node\n")
    home.link(".local/bin/agent", f"../../{prefix}/lib/node_modules/@an/agent/cli.js")
    found = home.find("agent", ".local/bin", f"{prefix}/bin")
    assert set(home.shown("agent", ".local/bin", f"{prefix}/bin")) == {f"{prefix}/lib/node_modules", prefix}
    target = f"../../{prefix}/lib/node_modules/@an/agent/cli.js"
    assert found.links == [(target, str(home.home / ".local/bin/agent"))]


def test_a_single_file_in_a_shared_prefix_is_shown_alone(home: Home) -> None:
    home.tool(".local/bin/tool")
    assert home.shown("tool", ".local/bin") == [".local/bin/tool"]
    home.tool(".cargo/bin/cargo")
    home.tool(".cargo/credentials.toml", "token = 'canary'")
    assert home.shown("cargo", ".cargo/bin") == [".cargo/bin/cargo"]


def test_a_version_that_is_one_file_is_shown_with_the_link_to_it(home: Home) -> None:
    home.tool(".local/share/agent/versions/2.1")
    home.link(".local/bin/agent", str(home.home / ".local/share/agent/versions/2.1"))
    found = home.find("agent", ".local/bin")
    assert found.readable == [str(home.home / ".local/share/agent/versions/2.1")]
    assert [place for _, place in found.links] == [str(home.home / ".local/bin/agent")]


def test_a_prefix_in_which_something_looks_like_a_secret_is_not_shown(home: Home) -> None:
    home.tool("opt/node/v22/bin/node")
    home.tool("opt/node/v22/etc/.npmrc", "_authToken=canary")
    assert home.shown("node", "opt/node/v22/bin") == ["opt/node/v22/bin/node"]


def test_a_virtual_environment_is_shown_with_the_python_it_was_made_from(home: Home) -> None:
    base = home.python(".pyenv/versions/3.12.1")
    home.tool(".local/share/tools/black/bin/black", f"#!{home.home}/.local/share/tools/black/bin/python\n")
    home.link(".local/share/tools/black/bin/python", str(base / "bin" / "python3"))
    home.tool(".local/share/tools/black/pyvenv.cfg", f"home = {base}/bin\n")
    home.link(".local/bin/black", "../share/tools/black/bin/black")
    assert set(home.shown("black", ".local/bin")) == {".local/share/tools/black", ".pyenv/versions/3.12.1"}


def test_the_python_of_an_environment_in_the_workspace_is_shown_if_it_is_one(home: Home) -> None:
    base = home.python(".pyenv/versions/3.12.1")
    home.tool("project/.venv/bin/pytest", f"#!{home.workspace}/.venv/bin/python\n")
    home.link("project/.venv/bin/python", str(base / "bin" / "python3"))
    home.tool("project/.venv/pyvenv.cfg", f"home = {base}/bin\n")
    assert home.shown("pytest", "project/.venv/bin") == [".pyenv/versions/3.12.1"]


@pytest.mark.parametrize("target", [".ssh", ".config/app", "other", "other/project"])
def test_whoever_wrote_the_repository_does_not_choose_what_is_seen(home: Home, target: str) -> None:
    home.tool(f"{target}/bin/python3")
    home.tool(f"{target}/id_rsa", "canary")
    home.tool("project/.venv/bin/pytest", f"#!{home.home}/{target}/bin/python3\n")
    home.tool("project/.venv/pyvenv.cfg", f"home = {home.home}/{target}/bin\n")
    home.link("project/bin/tool", str(home.home / target / "id_rsa"))
    for command, folder in (("pytest", "project/.venv/bin"), ("tool", "project/bin")):
        assert home.find(command, folder) == ToolChain()


def test_the_owner_s_own_script_does(home: Home) -> None:
    """What the test above keeps out gets in where the owner's own file says so."""
    home.tool("other/project/bin/python3")
    home.tool("bin/mine", f"#!{home.home}/other/project/bin/python3\n")
    assert home.shown("mine", "bin") == ["bin/mine", "other/project"]


def test_links_that_lead_in_a_circle_end(home: Home) -> None:
    home.link("bin/a", "b")
    home.link("bin/b", "a")
    home.tool("bin/script", f"#!{home.home}/bin/script\n")
    assert home.find("a", "bin") == ToolChain()
    home.find("script", "bin")


def test_neither_home_nor_the_state_directory_is_ever_shown(home: Home) -> None:
    home.tool("bin/tool")
    home.tool(".local/state/nucleus/bin/tool2")
    assert home.shown("tool", "bin") == ["bin/tool"]
    assert "." not in home.shown("tool2", ".local/state/nucleus/bin")


def test_a_version_manager_s_shim_is_passed_over(home: Home) -> None:
    home.tool(".pyenv/shims/tool", "#!/bin/sh\n")
    home.tool(".pyenv/versions/1/bin/tool")
    assert home.shown("tool", ".pyenv/shims", ".pyenv/versions/1/bin") == [".pyenv/versions/1"]


def test_the_folders_are_those_in_which_a_search_finds_what_is_shown(home: Home) -> None:
    home.tool(".local/bin/tool")
    assert home.find("tool", ".local/bin").folders()[1:] == [str(home.home / ".local/bin")]


def test_a_pipe_in_the_workspace_does_not_stop_the_search(home: Home) -> None:
    home.tool("project/.venv/bin/pytest", "#!/usr/bin/env python3\n")
    os.mkfifo(home.workspace / ".venv" / "pyvenv.cfg")
    assert home.find("pytest", "project/.venv/bin") == ToolChain()


def test_a_command_that_is_missing_shows_nothing(home: Home) -> None:
    """A box can't be made around a place that is not there."""
    (home.home / ".opt").mkdir()
    for missing in ("missing", ".opt/missing", ".opt/tool/bin/missing", "project/missing"):
        assert home.find(str(home.home / missing)).readable == []
