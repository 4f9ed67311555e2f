"""Boxes by name. ``ns`` is what is used unless the owner names another; none is ever fallen back to."""

from typing import Any, Final

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import Box
from nucleus.local.ll import LlBox
from nucleus.local.ns import NsBox

DEFAULT: Final = "ns"
NAMES: Final = ("ns", "ll")


def box(state: str, name: str = DEFAULT, **how: Any) -> Box:
    """Return the box of a name; ``how`` is what its class takes. Raises CannotEnforce for a name that there is not."""
    if name == "ns":
        return NsBox(state, **how)
    if name == "ll":
        return LlBox(state, asked=name, **how)
    raise CannotEnforce(f"there is no backend {name!r}", fix=f"one of: {', '.join(NAMES)}")
