"""Values that left a quarantine say where nothing goes: no path, host, remote or command is taken from one.

Somebody not trusted has chosen such a value, from a set that was declared. It
may be shown, compared, sent as a label. To act on a choice, map it onto a
value of one's own: ``{"first": "src/a.py", "second": "src/b.py"}[answer]``.

A mark is an attribute (``__nucleus_quarantined__``), so that this needs no
import of what sets it. It holds a program that forgets where a value comes
from, not one that strips the mark.
"""

from collections.abc import Mapping
from typing import Any, Final

from nucleus.errors import PolicyDenied

NESTING_LIMIT: Final = 32
TARGETS: Final = frozenset(
    "path paths pattern glob url method remote ref refs rev branch base head repository number argv cwd env "
    "destination host port package packages".split()  # noqa: SIM905  reads better as one line of words
)
"""Arguments that say where an effect goes or what runs. Contents, messages and labels are not among them."""


def marked(value: object) -> bool:
    """Whether ``value`` left a quarantine, or a container has something inside that did.

    Nesting beyond NESTING_LIMIT counts as marked. Consumes no iterator.
    """
    return _marked(value, NESTING_LIMIT)


def _marked(value: object, depth: int) -> bool:
    if getattr(value, "__nucleus_quarantined__", False) is True:
        return True
    inside: list[object] = []
    if isinstance(value, Mapping):
        inside = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        inside = list(value)
    return bool(inside) and (depth == 0 or any(_marked(each, depth - 1) for each in inside))


def no_marked_target(args: Mapping[str, Any]) -> None:
    """Return if no target of a call was chosen in a quarantine. Raises PolicyDenied that names the argument."""
    for name in sorted(TARGETS & args.keys()):
        if marked(args[name]):
            raise PolicyDenied(
                f"{name} was chosen in a quarantine, and such a value is never a destination, path or command",
                code="quarantined",
                rule="destination",
                next_step=f"map the answer onto a value of your own: {name} = {{'first': ..., 'second': ...}}[answer]",
            )
