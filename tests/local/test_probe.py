"""Each mechanism is tried by use: what is missing is named, with its cause and fix."""

import os
from pathlib import Path

import pytest

from nucleus.gate.boxed import DOOR, VARIABLE
from nucleus.local import bwrap, probe
from nucleus.seal.bpf import INSTRUCTION
from tests.local.box import needs_box

MECHANISMS = [
    "user namespace",
    "namespaces for processes, network, IPC, names and cgroups",
    "bar on further user namespaces",
    "own view of processes (/proc)",
    "overlay file system",
    "seccomp",
    "Landlock",
]


def broken(folder: Path, option: str) -> str:
    """Return a bubblewrap that can do anything but one thing."""
    path = folder / "bwrap"
    real = bwrap.find().path
    check = f'for word; do test "$word" = {option} && echo "no {option}" >&2 && exit 1; done'
    path.write_text(f'#!/bin/sh\n{check}\nexec {real} "$@"\n')
    path.chmod(0o755)
    return str(path)


@needs_box
def test_where_everything_is_there_each_mechanism_works(tmp_path: Path) -> None:
    findings = probe.examine(bwrap.find().path, str(tmp_path))
    assert [(one.mechanism, one.why, one.fix) for one in findings] == [(name, "", "") for name in MECHANISMS]


@needs_box
@pytest.mark.parametrize(
    ("option", "mechanism", "fix"),
    [
        ("--unshare-user", "user namespace", "CONFIG_USER_NS"),
        ("--unshare-net", MECHANISMS[1], "CONFIG_NET_NS"),
        ("--disable-userns", MECHANISMS[2], "0.11"),
        ("--proc", MECHANISMS[3], "systempaths=unconfined"),
        ("--overlay", MECHANISMS[4], "modprobe overlay"),
        ("--seccomp", "seccomp", "CONFIG_SECCOMP_FILTER"),
    ],
)
def test_the_first_that_is_missing_is_the_cause(tmp_path: Path, option: str, mechanism: str, fix: str) -> None:
    error = probe.explain(broken(tmp_path, option), str(tmp_path), "otherwise")
    assert mechanism in error.what
    assert option in error.why
    assert fix in error.fix


@needs_box
def test_where_no_single_mechanism_is_missing_the_failure_itself_is_told(tmp_path: Path) -> None:
    assert probe.explain(bwrap.find().path, str(tmp_path), "something else").why == "something else"


@pytest.mark.parametrize(
    ("path", "value", "cause", "fix"),
    [
        ("/proc/sys/user/max_user_namespaces", "0\n", "limited to none", "sysctl user.max_user_namespaces"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "for root", "sysctl kernel.unprivileged_userns_clone=1"),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1\n",
            "AppArmor",
            "nucleus doctor --fix",
        ),
    ],
)
def test_a_switch_that_forbids_user_namespaces_is_the_cause(path: str, value: str, cause: str, fix: str) -> None:
    why, how = probe.no_user_namespace("denied", "/x/bwrap", lambda name: {path: value}.get(name, ""))
    assert cause in why
    assert fix in how


def test_without_a_switch_the_kernel_s_own_words_are_the_cause() -> None:
    why, how = probe.no_user_namespace("Operation not permitted", "/x/bwrap", lambda _: "")
    assert why == "Operation not permitted"
    assert "seccomp=unconfined" in how


def test_within_a_box_the_box_is_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, DOOR)
    why, how = probe.no_user_namespace("Operation not permitted", "/x/bwrap", lambda _: "")
    assert "inside of a box of nucleus run already" in why
    assert "unconfined" not in how


def test_a_kernel_without_landlock_is_told() -> None:
    def absent(*_: object) -> int:
        raise OSError(38, os.strerror(38))

    found = probe.no_landlock(absent)
    assert "not implemented" in found.why
    assert "lsm=" in found.fix


def test_the_program_is_whole_instructions() -> None:
    if os.uname().machine not in {"x86_64", "aarch64"}:
        pytest.skip("no table of calls for this machine")
    assert len(probe.program()) % INSTRUCTION.size == 0
