"""A box that lives: judged before its command begins, its layers kept, dead at the end."""

import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local import live
from nucleus.local.live import Living, Wish, hide, is_folder, judge
from nucleus.local.run_folder import RunFolder
from nucleus.local.started import Live
from nucleus.local.views import Views
from tests.local.box import needs_box, private

pytestmark = needs_box


class Case:
    """A workspace, a run's folder, and streams that are collected."""

    def __init__(self, root: Path) -> None:
        self.workspace = root / "project"
        self.workspace.mkdir()
        (self.workspace / "seen").write_text("seen\n")
        (self.workspace / ".env").write_text("TOKEN=canary\n")
        self.state = private(root / "state")
        self.folder = RunFolder(str(self.state))
        self.views = Views(str(self.state))
        self.read, self.write = os.pipe()
        self.null = os.open(os.devnull, os.O_RDWR)
        self.hidden = hide(str(self.workspace), self.folder.path, [])

    @property
    def upper(self) -> Path:
        return Path(self.folder.path) / "upper"

    def start(self, *argv: str, terminal: str = "") -> Living:
        wish = Wish(str(self.workspace), argv, ".", tuple(self.hidden))
        return Living(self.views, self.folder.path, wish, Live((self.null, self.write, self.write), terminal))

    def run(self, *argv: str) -> tuple[int, str]:
        """Run to the end; return the status and what was said."""
        with self.start(*argv) as living:
            living.go()
            assert select.select([living.ended], [], [], 30)[0]
            status = living.end()
        os.set_blocking(self.read, False)
        try:
            return status, os.read(self.read, 1 << 16).decode()
        except BlockingIOError:
            return status, ""


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    made = Case(tmp_path)
    yield made
    for number in (made.read, made.write, made.null):
        os.close(number)
    made.folder.remove()


def test_what_a_command_changed_stays_in_the_layer_and_the_workspace_is_as_it_was(case: Case) -> None:
    status, said = case.run("sh", "-c", "cat seen; ls -a; rm seen; echo new > made; exit 7")
    assert status == 7
    assert "seen\n" in said
    assert ".env" not in said
    assert (case.upper / "made").read_text() == "new\n"
    assert sorted(path.name for path in case.workspace.iterdir()) == [".env", "seen"]


def test_nothing_of_the_command_runs_before_it_may_go(case: Case) -> None:
    with case.start("sh", "-c", "echo began > made"):
        time.sleep(0.2)
    assert not (case.upper / "made").exists()


def test_what_a_command_leaves_behind_is_dead_when_it_has_ended(case: Case) -> None:
    case.run("sh", "-c", "(sleep 0.5; echo late > made) & setsid sh -c 'sleep 0.5; echo late > made' & exit 0")
    time.sleep(0.8)
    assert not (case.upper / "made").exists()


def test_a_signal_reaches_the_whole_group_of_the_command(case: Case) -> None:
    with case.start("sh", "-c", "trap 'echo caught > made; exit 9' TERM; sleep 30") as living:
        living.go()
        time.sleep(0.3)
        living.signal(signal.SIGTERM)
        assert select.select([living.ended], [], [], 10)[0]
        assert living.end() == 9
        living.signal(signal.SIGTERM)
    assert (case.upper / "made").read_text() == "caught\n"


def test_its_terminal_is_its_own_and_the_controlling_one(case: Case) -> None:
    with case.start("sh", "-c", "tty; echo x > /dev/tty", terminal="012") as living:
        living.go()
        assert select.select([living.ended], [], [], 30)[0]
        said = os.read(living.terminal, 1000)
    assert said == b"/dev/pts/0\r\nx\r\n"


def test_a_command_that_is_not_there_is_told_apart_from_one_that_failed(case: Case) -> None:
    with case.start("no-such-command") as living:
        living.go()
        assert select.select([living.ended], [], [], 30)[0]
        assert living.end() == 127
        assert os.strerror(living.not_started) == "No such file or directory"


def test_from_outside_this_very_process_is_no_box(case: Case) -> None:
    view = case.views.view(case.folder.path, str(case.workspace), ".", "sh")
    with pytest.raises(CannotEnforce, match="namespace is ours"):
        judge(os.getpid(), view)


def test_from_outside_a_workspace_without_our_layer_is_seen(case: Case) -> None:
    with case.start("true") as living:
        judge(living.first, living.view)
        with pytest.raises(CannotEnforce, match="no overlay with our layer"):
            judge(living.first, replace(living.view, workspace="/elsewhere"))


def test_a_self_test_that_fails_runs_nothing_and_says_why(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched off: a mask that is not there. The test inside finds what should be absent."""
    case.hidden.append("seen")
    with pytest.raises(CannotEnforce) as caught:
        case.start("sh", "-c", "echo began > made")
    assert "something that is hidden can be seen" in str(caught.value)
    assert not (case.upper / "made").exists()
    monkeypatch.undo()


def test_a_word_with_a_nul_is_refused(case: Case) -> None:
    with pytest.raises(CannotEnforce, match="NUL"):
        case.start("sh", "a\0b")


def test_the_working_directory_is_in_the_workspace_and_not_hidden(case: Case) -> None:
    (case.workspace / "sub").mkdir()
    (case.workspace / "out").symlink_to("/usr")
    root = str(case.workspace)
    assert is_folder(root, "sub", [])
    assert not is_folder(root, "sub", ["sub"])
    assert not is_folder(root, "out", [])
    assert not is_folder(root, "..", [])


def test_namespaces_are_all_looked_at() -> None:
    assert set(live.SPACES) == {"user", "pid", "net", "ipc", "uts", "cgroup", "mnt"}


@pytest.mark.parametrize("name", ["plain", "with blank", "comma,comma", "back\\slash", "tab\there"])
def test_the_upper_layer_is_found_in_the_mount_table_whatever_its_name(name: str) -> None:
    written = f"/s/{name}/upper".replace("\\", "\\\\").replace(",", "\\,").replace(" ", "\\040").replace("\t", "\\011")
    settings = f"rw,lowerdir=/oldroot/w,upperdir=/oldroot{written},workdir=/oldroot/x,userxattr"
    assert live.has_upper(settings, f"/s/{name}/upper")
    assert not live.has_upper(settings, "/other/upper")


def test_a_file_of_the_box_s_home_can_be_read_when_all_of_the_box_is_dead(case: Case) -> None:
    script = "echo made > ~/.a.json; mv ~/.a.json ~/.b.json; ln -s /etc/passwd ~/link"
    with case.start("sh", "-c", script) as living:
        assert living.left(".b.json") is None
        living.go()
        assert select.select([living.ended], [], [], 30)[0]
        assert living.end() == 0
        assert [living.left(name) for name in (".b.json", ".a.json", "link")] == [b"made\n", None, None]


@pytest.mark.parametrize("bound", [1 << 20, 0])
def test_no_file_grows_beyond_its_bound(case: Case, bound: int) -> None:
    """The kernel's own bound, at once; without it the same command writes on."""
    wish = Wish(str(case.workspace), ("dd", "if=/dev/zero", "of=big", "bs=64k", "count=32"), ".", tuple(case.hidden))
    limits = Live((case.null, case.write, case.write), file_bytes=bound)
    with Living(case.views, case.folder.path, wish, limits) as living:
        living.go()
        assert select.select([living.ended], [], [], 30)[0]
        status = living.end()
    expected = (128 + signal.SIGXFSZ, bound) if bound else (0, 2 << 20)
    assert (status, (case.upper / "big").stat().st_size) == expected
    assert ("none larger than 1 MiB" in living.report.layers["files"]) == bool(bound)
