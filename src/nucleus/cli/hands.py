"""What an apply needs of other rooms, put together: a git of ours, a packing worker, the owner's signature."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nucleus.apply.hands import Hands, PrivateGit

SECONDS: Final = 1800.0
"""How long the gits of one apply may take together."""


def hands_of(environment: Mapping[str, str]) -> "Hands":
    """Return them, for the user that this process runs as."""
    from nucleus.apply.hands import Hands, Signer
    from nucleus.gate.hardening import home_of
    from nucleus.local.packer import pack
    from nucleus.tools.perform.signing import signer_of

    def signer() -> Signer | None:
        found = signer_of(home_of(os.getuid()), environment)
        return None if found is None else Signer(found.mail, found.sign)

    return Hands(_git, pack, signer)


@contextmanager
def _git(workspace: str) -> "Iterator[PrivateGit]":
    from nucleus.tools.perform.outcomes import Deadline
    from nucleus.tools.perform.private_git import prepared
    from nucleus.tools.perform.repository import opened

    with opened(workspace) as repository, prepared(repository, workspace, Deadline(SECONDS)) as git:
        yield git
