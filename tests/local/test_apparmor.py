"""The profile gives one right to one path, and is installed as a whole or not at all."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import CannotEnforce
from nucleus.local import apparmor
from nucleus.local.apparmor import Installer, by_hand, profile, writable

PARSER = shutil.which("apparmor_parser", path="/usr/sbin:/sbin:/usr/bin")


def root(folder: Path) -> Path:
    (folder / "etc" / "apparmor.d").mkdir(parents=True)
    return folder


def parser(folder: Path, status: int = 0) -> str:
    """Write a parser that keeps what it was called with, and ends as it is told."""
    path = folder / "parser"
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/called\necho refused >&2\nexit {status}\n')
    path.chmod(0o755)
    return str(path)


def test_the_profile_names_the_exact_path_and_gives_user_namespaces_alone() -> None:
    lines = profile("/opt/a b/bwrap").splitlines()
    assert lines[-3:] == ['profile nucleus-bwrap "/opt/a b/bwrap" flags=(unconfined) {', "  userns,", "}"]


@pytest.mark.parametrize("path", ["bwrap", "/a/../bwrap", "/a\nb", "/a\x1b[2J", ""])
def test_a_path_that_is_not_plain_has_no_profile(path: str) -> None:
    with pytest.raises(ValueError, match="not a plain"):
        profile(path)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
def test_no_path_ends_its_quotes_or_means_more_than_itself(name: str) -> None:
    if ".." in name.split("/"):
        return
    place = profile("/" + name).split('profile nucleus-bwrap "', 1)[1].rpartition('" flags=')[0]
    plain, at = "", 0
    while at < len(place):
        at += place[at] == "\\"
        assert at < len(place)
        plain += place[at]
        at += 1
    assert plain == "/" + name
    bare = place.replace("\\\\", "")
    assert all(bare[at - 1] == "\\" for at, letter in enumerate(bare) if letter in '*?[]{}^"')


@pytest.mark.skipif(PARSER is None, reason="apparmor_parser is not installed")
@pytest.mark.parametrize("path", ["/usr/bin/bwrap", "/a b/bw*ra?p", '/a"b\\c{d}[e]^f/bwrap', "/ünïcode/bwrap"])
def test_apparmor_s_own_parser_reads_the_path(path: str, tmp_path: Path) -> None:
    """The rule itself needs a parser of version 4; where there is an older one, another rule stands in its place."""
    text = profile(path).replace("abi <abi/4.0>,", "").replace("userns,", "capability,")
    (tmp_path / "profile").write_text(text)
    words = [str(PARSER), "--skip-kernel-load", "--skip-cache", "--names", str(tmp_path / "profile")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "nucleus-bwrap\n"), done.stderr


def test_installing_writes_the_profile_and_loads_it(tmp_path: Path) -> None:
    installer = Installer(str(root(tmp_path)), parser(tmp_path))
    installer.install("/usr/bin/bwrap")
    place = tmp_path / "etc" / "apparmor.d" / "nucleus-bwrap"
    assert installer.place == str(place)
    assert place.read_text() == profile("/usr/bin/bwrap")
    assert place.stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "called").read_text().split() == ["-r", str(place)]
    installer.install("/opt/bwrap")
    assert place.read_text() == profile("/opt/bwrap"), "our own is replaced"
    assert os.listdir(place.parent) == ["nucleus-bwrap"]


def test_a_profile_that_the_kernel_does_not_take_is_taken_back(tmp_path: Path) -> None:
    folder = root(tmp_path) / "etc" / "apparmor.d"
    with pytest.raises(CannotEnforce, match="refused"):
        Installer(str(tmp_path), parser(tmp_path, 1)).install("/usr/bin/bwrap")
    assert os.listdir(folder) == []
    Installer(str(tmp_path), parser(tmp_path)).install("/usr/bin/bwrap")
    with pytest.raises(CannotEnforce, match="refused"):
        Installer(str(tmp_path), parser(tmp_path, 1)).install("/opt/bwrap")
    assert (folder / "nucleus-bwrap").read_text() == profile("/usr/bin/bwrap")


def test_a_parser_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotEnforce, match="No such file"):
        Installer(str(root(tmp_path)), str(tmp_path / "absent")).install("/usr/bin/bwrap")


def test_somebody_else_s_file_stays(tmp_path: Path) -> None:
    place = root(tmp_path) / "etc" / "apparmor.d" / "nucleus-bwrap"
    place.write_text("profile of somebody\n")
    with pytest.raises(CannotEnforce, match="not ours"):
        Installer(str(tmp_path), parser(tmp_path)).install("/usr/bin/bwrap")
    assert place.read_text() == "profile of somebody\n"


def test_without_apparmor_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(CannotEnforce, match="not installed"):
        Installer(str(tmp_path), parser(tmp_path)).install("/usr/bin/bwrap")
    assert os.listdir(tmp_path) == ["parser"]


def test_a_folder_that_can_not_be_written_is_told_with_the_command_for_root(tmp_path: Path) -> None:
    folder = root(tmp_path) / "etc" / "apparmor.d"
    (folder / "nucleus-bwrap.new").mkdir()
    with pytest.raises(CannotEnforce) as caught:
        Installer(str(tmp_path), parser(tmp_path)).install("/usr/bin/bwrap")
    assert "apparmor_parser -r" in caught.value.fix


def test_the_command_for_a_person_writes_the_same_rule(tmp_path: Path) -> None:
    words = by_hand("/opt/it's a b/bwrap").removeprefix("as root: ").split(" > ")[0]
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == profile("/opt/it's a b/bwrap").split("\n", 2)[2].split()


def test_a_program_that_others_can_replace_is_named(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.touch()
    tmp_path.chmod(0o777)
    assert writable(str(program)) in {str(program), str(tmp_path)}
    assert writable("/usr") == ""


def test_the_mark_of_ours_is_the_first_line() -> None:
    assert profile("/a").splitlines()[0] == profile("/b").splitlines()[0]
    assert apparmor.NAME in profile("/a").splitlines()[0]
