"""What of the machine is shown: an allow-list, and tool chains that only the system's owner can name."""

import os
import sys
from pathlib import Path

import pytest

from nucleus.local import host


def tool(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a directory of links, as /usr/local/bin is."""
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def chain(folder: Path, command: str, shown: tuple[str, ...] = (), unseen: tuple[str, ...] = ()) -> tuple[str, ...]:
    return host.tool_chain(command, shown, unseen, str(folder))


def test_the_prefix_of_a_linked_command_is_shown(folder: Path, tmp_path: Path) -> None:
    (folder / "node").symlink_to(tool(tmp_path / "opt" / "node" / "bin" / "node"))
    assert chain(folder, "node") == (str(tmp_path / "opt" / "node"),)
    assert chain(folder, "node", shown=(str(tmp_path / "opt"),)) == ()


def test_a_prefix_that_holds_or_lies_in_what_must_not_be_seen_is_not_shown(folder: Path, tmp_path: Path) -> None:
    real = tool(tmp_path / "home" / "bin" / "mine")
    (folder / "mine").symlink_to(real)
    for unseen in (tmp_path / "home", tmp_path / "home" / "ann", tmp_path):
        assert chain(folder, "mine", unseen=(str(unseen),)) == (str(real),)


def test_a_file_outside_of_a_bin_directory_is_shown_alone(folder: Path, tmp_path: Path) -> None:
    real = tool(tmp_path / "opt" / "thing")
    (folder / "thing").symlink_to(real)
    assert chain(folder, "thing") == (str(real),)


def test_a_path_in_the_workspace_names_nothing(folder: Path, tmp_path: Path) -> None:
    """A link that a repository brings must not choose what is seen."""
    (folder / "evil").symlink_to(tool(tmp_path / "other-project" / "bin" / "run"))
    assert chain(folder, str(folder / "evil")) == ()
    assert chain(folder, "./evil") == ()
    assert chain(folder, "absent") == ()


def test_the_system_is_an_allow_list() -> None:
    folders, links = host.system()
    assert set(folders) | {place for _, place in links} <= set(host.SYSTEM)
    assert "/usr" in folders
    assert all(not os.path.isabs(target) or target.startswith("/usr") for target, _ in links)


def test_of_the_configuration_nothing_is_shown_that_holds_secrets() -> None:
    places = [place for _, place in host.configuration()]
    assert all(place.startswith("/etc/") for place in places)
    assert not [place for place in places if any(word in place for word in ("shadow", "private", "gitconfig", "ssh"))]
    assert all(os.path.exists(source) and not os.path.islink(source) for source, _ in host.configuration())


def test_accounts_name_nobody_of_this_machine() -> None:
    texts = host.accounts(1000, 1000, "/home/ann")
    assert texts["/etc/passwd"] == "agent:x:1000:1000::/home/ann:/bin/sh\n"
    assert set(texts) == {"/etc/passwd", "/etc/group", "/etc/hosts", "/etc/hostname"}


def test_an_interpreter_s_directories_are_found_once_each(tmp_path: Path) -> None:
    real = tool(tmp_path / "python" / "bin" / "python3")
    (tmp_path / "link").symlink_to(real)
    library = tmp_path / "python" / "lib" / "os.py"
    library.parent.mkdir()
    library.write_text("")
    found = host.python(str(tmp_path / "link"), str(tmp_path / "python"), str(library))
    assert found == (str(real), (str(tmp_path / "python"),))
    assert host.python("/usr/bin/env", "/usr", "/usr/lib/os.py")[1] == ()
    assert os.path.isabs(host.python(sys.executable, sys.base_prefix, os.__file__)[0])
