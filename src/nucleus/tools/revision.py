"""``--policy-rev``: the policy as a git revision has it, whatever lies in the working tree.

In CI this is the base branch: a pull request can't change the policy that
judges it. Git runs with a directory that we wrote, and follows no replaced
objects.
"""

import re
from typing import Final

from nucleus.errors import PolicyError
from nucleus.policy.document import SIZE_LIMIT
from nucleus.tools.perform.outcomes import Deadline
from nucleus.tools.perform.private_git import first_line, prepared
from nucleus.tools.perform.repository import opened

SECONDS: Final = 30.0
_REVISION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/~^@{}-]*")


def read_revision(workspace: str, revision: str, path: str) -> bytes:
    """Return the bytes of ``path`` in a revision. Raises PolicyError where either is not there."""
    place = f"{revision}:{path}"
    if not _REVISION.fullmatch(revision):
        raise PolicyError("not the name of a revision", path=place, fix="a branch, a tag or a commit")
    try:
        with opened(workspace) as repository, prepared(repository, workspace, Deadline(SECONDS)) as git:
            ran = git.run("cat-file", "blob", place, limit=SIZE_LIMIT + 1024)
    except (OSError, ValueError) as error:
        raise PolicyError(f"can't be read: {error}", path=place, fix="run in a git repository that has it") from error
    if ran.status != 0:
        raise PolicyError(f"not there: {first_line(ran.error)}", path=place, fix="a revision that has the file")
    return ran.out
