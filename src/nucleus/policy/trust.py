"""Pins: the owner looked at this very file, and lets it grant.

One small file in the state directory for each policy file, named by the
digest of its path, holding the digest of the bytes that were shown. Any
change of the policy makes the pin say no. The pins lie outside of every
workspace: an agent can't write them.
"""

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any, Final

from nucleus.errors import PolicyError
from nucleus.policy.place import MODE

_FOLDER: Final = "trusted"
_VERSION: Final = 1


def pinned_digest(state: Path, policy: Path) -> str:
    """Return the digest that the owner trusted for this path, empty if none. Raises PolicyError for a damaged pin."""
    pin = _pin(state, policy)
    try:
        content: Any = json.loads(pin.read_bytes())
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise PolicyError(
            f"can't be read: {error}", path=str(pin), fix=f"remove it, and trust {policy} again"
        ) from error
    good = isinstance(content, dict) and content.get("v") == _VERSION and content.get("path") == _real(policy)
    digest = content.get("digest") if good else None
    if not isinstance(digest, str):
        raise PolicyError("is not a pin", path=str(pin), fix=f"remove it, and trust {policy} again")
    return digest


def pin(state: Path, policy: Path, digest: str) -> None:
    """Let the file grant as long as its bytes have this digest. All or nothing: a crash leaves the old pin.

    ``digest`` is that of the bytes that the owner was shown, never of what is
    on disk by now. Raises OSError.
    """
    target = _pin(state, policy)
    target.parent.mkdir(mode=MODE, parents=True, exist_ok=True)
    content = json.dumps({"v": _VERSION, "path": _real(policy), "digest": digest}, sort_keys=True)
    fresh = target.with_name(f".{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def unpin(state: Path, policy: Path) -> bool:
    """Take the trust back. Return whether there was any."""
    try:
        _pin(state, policy).unlink()
    except FileNotFoundError:
        return False
    return True


def _pin(state: Path, policy: Path) -> Path:
    """Return where the pin of a policy file lies."""
    return state / _FOLDER / (hashlib.sha256(_real(policy).encode("utf-8", "surrogateescape")).hexdigest() + ".json")


def _real(policy: Path) -> str:
    """Return the one path of a file, links resolved."""
    return os.path.realpath(policy)
