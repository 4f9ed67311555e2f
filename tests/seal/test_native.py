"""The bare calls do what their names say, or raise with the kernel's reason."""

import errno
import os
import platform
import subprocess
import sys

import pytest

if not sys.platform.startswith("linux"):
    pytest.skip("system calls of Linux", allow_module_level=True)

from nucleus.seal import native
from nucleus.seal.bpf import ALLOW, KILL_PROCESS
from nucleus.seal.syscalls import MACHINES

MACHINE = MACHINES.get(platform.machine())
pytestmark = pytest.mark.skipif(MACHINE is None, reason="no table for this processor")


def test_a_call_answers_or_raises_the_error_of_the_kernel() -> None:
    assert MACHINE is not None
    assert native.syscall(MACHINE.numbers["getpid"]) == os.getpid()
    with pytest.raises(OSError, match=r".+") as caught:
        native.syscall(MACHINE.numbers["close"], -1)
    assert caught.value.errno == errno.EBADF
    with pytest.raises(OSError, match=r".+"):
        native.prctl(-1)


def test_an_action_that_no_kernel_has_is_not_available() -> None:
    assert MACHINE is not None
    native.filter_available(MACHINE, ALLOW, KILL_PROCESS)
    with pytest.raises(OSError, match=r".+"):
        native.filter_available(MACHINE, 0x12340000)


def test_without_new_privileges_and_dumps() -> None:
    source = (
        "from nucleus.seal import native\nnative.no_new_privileges(); native.undumpable()\n"
        "print(native.prctl(39), native.prctl(native.PR_GET_DUMPABLE))"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout == "1 0\n"


def test_a_program_that_the_kernel_can_not_read_is_refused() -> None:
    source = (
        "import platform\nfrom nucleus.seal import native\nfrom nucleus.seal.syscalls import MACHINES\n"
        "native.no_new_privileges()\n"
        "try:\n    native.install_filter(MACHINES[platform.machine()], b'\\xff' * 16)\nexcept OSError as error:\n"
        "    print(error.errno)"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout == f"{errno.EINVAL}\n"
