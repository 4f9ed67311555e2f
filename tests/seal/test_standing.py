"""The checks before a seal read ``/proc`` as it is written. What they refuse is shown in ``test_seal``."""

import os
import subprocess
import sys

import pytest

from nucleus.errors import CannotEnforce
from nucleus.seal import standing

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

SMAPS = """\
7f0000000000-7f0000001000 rw-s 00000000 00:01 12                         /dev/zero (deleted)
Size:                  4 kB
VmFlags: rd wr sh mr mw me ms sd
7f0000002000-7f0000003000 r--s 00000000 08:01 99                         /usr/lib/gconv/gconv-modules.cache
VmFlags: rd mr me ms sd
7f0000004000-7f0000005000 r--s 00000000 00:05 7                          /memfd:x (deleted)
VmFlags: rd sh mr mw me ms sd
7f0000006000-7f0000007000 rw-p 00000000 00:00 0                          [heap]
VmFlags: rd wr mr mw me ac sd
""".splitlines()


def test_shared_maps_count_when_they_may_become_writable_and_only_then() -> None:
    found = list(standing._writable(SMAPS))
    assert [line.split()[0][:12] for line in found] == ["7f0000000000", "7f0000004000"]


def test_a_child_is_found_until_it_is_known_or_over() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        with pytest.raises(CannotEnforce, match=str(child.pid)):
            standing.no_children()
        standing.no_children({child.pid})
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        standing.no_children()


def test_a_descriptor_is_named_with_what_it_leads_to() -> None:
    kept = set(standing._descriptors())
    with open("/etc/passwd", encoding="ascii") as file:
        with pytest.raises(CannotEnforce, match=rf"{file.fileno()} \(/etc/passwd\)"):
            standing.no_stray_descriptors(kept - {file.fileno()})
        standing.no_stray_descriptors(kept | {file.fileno()})


def test_a_closed_descriptor_is_no_socket_to_keep() -> None:
    with pytest.raises(CannotEnforce, match="no connected local stream"):
        standing.only_local_streams({1_000_000})
