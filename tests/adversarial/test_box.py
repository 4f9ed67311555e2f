"""A hostile program in a box: each way out is tried, judged outside, and shown to work without the box."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import Limits, Permit
from nucleus.local import bwrap, views
from nucleus.local.ll import LlBox
from nucleus.local.ns import NsBox
from tests.adversarial.hostile import WAYS
from tests.adversarial.world import NOBODY, World, laid_out
from tests.local.box import needs_box, open_to_all

pytestmark = [needs_box, pytest.mark.timeout(120)]

SETTLE_SECONDS = 1.6
"""What a survivor needs to send, and more."""
FEWEST = 60
"""Ways that must leak without a box, so that a box that holds them says something."""
FOR_ROOT = {
    *("raw_socket", "packet_socket", "network_of_somebody_else", "new_mount", "another_root", "new_device"),
    *("other_project_by_handle", "other_project_by_first_root", "password_hashes", "disk", "disk_by_a_new_node"),
    *(
        "settings_of_the_kernel",
        "triggers_of_the_kernel",
        "group_of_processes",
        "file_of_the_system",
        "home",
        "home_by_its_user",
    ),
    *("start_of_the_shell", "typing_into_a_terminal", "messages_of_the_kernel", "program_in_the_kernel", "keyring"),
    *("environment_of_others", "environment_of_everybody", "root_of_others", "files_of_others", "memory_of_others"),
    *("descriptors_of_others", "tracing_others", "signal_to_others", "limits_of_others", "priority_of_others"),
    *("measuring_the_kernel", "faults_answered_by_hand", "whiteout_by_hand", "hard_link_to_the_outside"),
}
"""What an ordinary user could not do to root's, or not on every system, outside of a box either."""
FOR_OTHERS = {"set_uid_program"}
"""What root can't show: it is root already."""
MAY_LACK = {
    "mptcp": "CONFIG_MPTCP",
    "other_family_of_sockets": "CONFIG_VSOCKETS or CONFIG_CRYPTO_USER_API",
    "measuring_the_kernel": "a machine with counters",
    "program_in_the_kernel": "CONFIG_BPF_SYSCALL",
    "faults_answered_by_hand": "CONFIG_USERFAULTFD",
    "call_of_another_architecture": "x86_64 with CONFIG_IA32_EMULATION",
    "typing_into_a_terminal": "dev.tty.legacy_tiocsti, or root",
    "messages_of_posix": "CONFIG_POSIX_MQUEUE",
    "keyring": "CONFIG_KEYS",
    "ring_without_calls": "CONFIG_IO_URING",
    "other_project_by_first_root": "rights over the first process",
    "network_of_somebody_else": "rights over the first process",
    "other_project_by_handle": "a file system with handles",
    "messages_of_the_kernel": "rights to read the log",
    "settings_of_the_kernel": "a writable /proc/sys",
    "triggers_of_the_kernel": "CONFIG_MAGIC_SYSRQ",
    "group_of_processes": "a writable cgroup",
    "disk": "a file system on a disk that has a node",
    "disk_by_a_new_node": "a file system on a disk",
    "devices_of_the_network": "a device beside loopback",
    "new_user_namespace": "unprivileged user namespaces",
    "new_user_namespace_by_clone": "unprivileged user namespaces",
    "new_network": "unprivileged user namespaces",
    "attribute_of_a_file": "a file system with attributes",
    "set_uid_program": "a file system without nosuid",
}
"""Ways that this machine may not have -> what it lacks then."""
HIDDEN = ["private", "private/**"]


@pytest.fixture
def world() -> Iterator[World]:
    with laid_out() as made:
        yield made


def in_a_box(world: World, ways: list[str], executable: str = "") -> bytes:
    """Run the ways in a box and return everything that they printed."""
    box = NsBox(str(world.state), executable=executable)
    args = {"argv": [box._views.python, "-I", "attack"], "hidden": HIDDEN, "cwd": "."}
    outcome = box.run(Permit(0, "proc.run", args, str(world.workspace), Limits(1 << 20, 90)), world.told(ways))
    assert outcome.status == "ok", outcome
    assert outcome.value["status"] == 0, outcome
    printed = outcome.body + str(outcome.value["stderr"]).encode()
    assert b"tried all" in printed, printed.decode()
    time.sleep(SETTLE_SECONDS)
    return printed


def without_a_box(world: World, ways: list[str], executable: str = sys.executable) -> bytes:
    """Run the same program as it would run on any day."""
    done = subprocess.run(
        [executable, "-I", "attack"],
        input=world.told(ways),
        capture_output=True,
        cwd=world.workspace,
        env=world.variables() | {"PATH": os.environ["PATH"]},
        close_fds=False,
        timeout=90,
        check=True,
    )
    assert b"tried all" in done.stdout, done.stderr
    time.sleep(SETTLE_SECONDS)
    return done.stdout + done.stderr


def as_nobody(world: World, act: Callable[[], bytes]) -> bytes:
    """Do something as a process that gave up root, in a world that was given to it."""
    for folder, _, files in os.walk(world.root):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            if not path.endswith("/set-uid"):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    os.chmod(world.temporary, 0o777)  # noqa: S103  as /tmp is
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            with os.fdopen(write, "wb") as answer:
                answer.write(act())
        except BaseException as error:  # noqa: BLE001  told to the parent, which fails with it
            os.write(write, f"broken: {error!r}".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        printed = answer.read()
    os.waitpid(child, 0)
    assert not printed.startswith(b"broken"), printed.decode()
    return printed


def reachable() -> str:
    """Return an interpreter that any user can start, or skip: bubblewrap and our code must be readable too."""
    for needed in (bwrap.find().path, views.INSIDE):
        if not open_to_all(needed):
            pytest.skip(f"an ordinary user can't read {needed}")
    for path in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        if os.path.exists(path) and open_to_all(path):
            return path
    pytest.skip("an ordinary user can start no interpreter here")


def leaks(world: World, printed: bytes, expected: set[str]) -> None:
    """Fail unless enough ways worked, and every one but those that a machine may lack."""
    found = world.came_out(printed)
    missing = {name for name in expected - found if name not in MAY_LACK}
    assert missing == set(), printed.decode("utf-8", "replace")
    assert len(found) >= FEWEST
    lacking = ", ".join(f"{name} ({MAY_LACK[name]})" for name in sorted(expected - found))
    print(f"{len(found)} of {len(WAYS)} ways work without a box; this machine lacks: {lacking or 'none'}")


def test_there_are_more_ways_than_promised_and_each_is_explained() -> None:
    assert len(WAYS) >= 2 * FEWEST
    assert set(WAYS) >= {*FOR_ROOT, *FOR_OTHERS, *MAY_LACK}


def test_nothing_gets_out_of_a_box(world: World) -> None:
    """As the user that runs the tests, root in many places."""
    printed = in_a_box(world, list(WAYS))
    assert world.came_out(printed) == set(), printed.decode("utf-8", "replace")


def test_without_the_box_each_way_works(world: World) -> None:
    """The containment switched off, the same program in the same world: it is what gives the other tests a meaning."""
    lacking = FOR_OTHERS if os.getuid() == 0 else FOR_ROOT
    ways = [name for name in WAYS if name not in lacking]
    leaks(world, without_a_box(world, ways), set(ways))


@pytest.mark.skipif(os.getuid() != 0, reason="the tests run as an ordinary user already")
def test_nothing_gets_out_of_the_box_of_an_ordinary_user(world: World) -> None:
    """The same, by a process that gave up root before it made the box."""
    python = reachable()
    printed = as_nobody(world, lambda: in_a_box(world, list(WAYS), python))
    assert world.came_out(printed) == set(), printed.decode("utf-8", "replace")


@pytest.mark.skipif(os.getuid() != 0, reason="the tests run as an ordinary user already")
def test_without_the_box_an_ordinary_user_gets_out_too(world: World) -> None:
    python = reachable()
    ways = [name for name in WAYS if name not in FOR_ROOT]
    leaks(world, as_nobody(world, lambda: without_a_box(world, ways, python)), set(ways))


GIVEN_UP = {
    *(name for name in WAYS if name.startswith("control_of_")),
    *("source_file", "mapped_file", "deleted_file", "cut_file", "renamed_folder", "whole_folder_by_an_attribute"),
    *("file_in_place_of_a_folder", "new_link_out", "configuration_of_git", "objects_of_git_elsewhere"),
    *("replacement_in_git", "hook_of_git", "race_of_links", "name_of_the_machine"),
    "pipe_with_a_name_in_the_workspace",
}
"""What the backend without a transaction does not hold: the workspace is written at once. It says so."""
HIDDEN_IN_THE_WORKSPACE = (
    ".env",
    "harmless.txt",
    "link-env",
    "packages",
    "renamed/.env",
    "masked",
    "folded",
    "private",
)


def test_the_backend_without_a_transaction_gives_up_the_workspace_and_nothing_else(world: World) -> None:
    """Where it finds something to hide it runs nothing; so that is taken away first."""
    try:
        box = LlBox(str(world.state), asked="ll")
        box.probe()
    except CannotEnforce as error:
        pytest.skip(str(error))
    args = {"argv": ["/usr/bin/python3", "-I", "attack"], "hidden": [], "cwd": "."}
    permit = Permit(0, "proc.run", args, str(world.workspace), Limits(1 << 20, 90))
    with pytest.raises(CannotEnforce, match="hide nothing"):
        box.run(permit, world.told(["source_file"]))
    assert not world.judges["source_file"]()
    for path in (*HIDDEN_IN_THE_WORKSPACE, ".git/config"):
        place = world.workspace / path
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    outcome = box.run(permit, world.told(list(WAYS)))
    time.sleep(SETTLE_SECONDS)
    printed = outcome.body + str(outcome.value["stderr"]).encode()
    assert b"tried all" in printed
    assert world.came_out(printed) - GIVEN_UP == set(), printed.decode("utf-8", "replace")
