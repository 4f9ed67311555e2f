"""The storage of a linked worktree's repository in a box: shown at its own place, as a copy.

In an ordinary clone ``.git`` lies in the workspace and is part of its overlay.
A linked worktree's lies elsewhere (``git worktree add``), so it gets an overlay
of its own, with its layers in the run's place: git works in the box, and what
it writes is looked at afterwards like that of any run (``apply.storage``).
Configurations are shown without addresses and tokens there too.
"""

import os
from collections.abc import Sequence
from typing import Final

from nucleus.errors import CannotEnforce
from nucleus.local import layers
from nucleus.local.argv import Copy, within
from nucleus.local.veil import Veil
from nucleus.policy.worktree import Linked

FOLDER: Final = "storage"
"""Below the run's place."""


def shown(found: Linked, folder: str, unseen: Sequence[str]) -> Copy:
    """Make the layers of the repository's storage, and return how it is shown.

    ``unseen`` are places that must not be in it: workspace, home, state directory. Raises CannotEnforce where one
    is, or something is mounted below it; OSError.
    """
    inner = next((one for one in unseen if within(one, found.shared)), "")
    if inner:
        raise CannotEnforce(
            "the repository of this worktree can't be shown",
            why=f"{found.shared} holds {inner}",
            fix="put the worktree beside the repository's storage: git worktree move",
        )
    layers.refuse_mounts(found.shared)
    made = {name: os.path.join(folder, FOLDER, name) for name in ("upper", "work", "masks")}
    for place in made.values():
        os.makedirs(place, mode=0o700)
    layers.mask(found.shared, made["masks"], Veil([]))
    layers.dress(found.shared, made["upper"])
    return Copy(found.shared, made["upper"], made["work"], made["masks"], anywhere=True)
