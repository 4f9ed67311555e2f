"""Where a pattern stands, so that every verdict can cite it."""

from typing import final

from nucleus.lean import dataclass


@final
@dataclass(frozen=True, slots=True)
class Source:
    """The place and the words of one pattern."""

    where: str
    """``file:line``, or ``profile NAME``, or the flag of the command line."""
    text: str
    """The pattern as written, with its table: ``[deny] read = "**/.env*"``."""
    why: str = ""
    """The owner's reason, where a ``[[rule]]`` gives one."""

    @property
    def reason(self) -> str:
        """Return one line for a person: the owner's reason if there is one, else the pattern."""
        return f"{self.text} ({self.why})" if self.why else self.text
