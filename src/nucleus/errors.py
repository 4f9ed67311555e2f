"""Every exception that Nucleus raises on purpose.

::

    NucleusError
    +-- Refused                 the effect did not happen
    |   +-- PolicyDenied        capability, scope, or a refused approval
    |   +-- ApprovalRequired    a question with nobody to answer, or pending
    |   +-- BudgetExceeded      the cost exceeds what is left
    |   +-- StateBlocked        session closed, locked down, gate gone, trace not writable
    +-- CannotEnforce           a mechanism is missing; nothing was run
    +-- PolicyError             a policy file says something that it can't say
    +-- TraceError              a trace can't be read, or is not what was written
    +-- TokenError              a token gives nothing here; ``code`` says why
    +-- NoSession               misuse: a mediated call outside of any session

A failure of the effect itself (no such file, a time-out) is the built-in
exception that the plain call would have raised. It is never one of these:
"refused" and "failed" stay apart.
"""

from typing import Any


class NucleusError(Exception):
    """The root. ``diagnostics()`` says what, why and what to do next."""

    def diagnostics(self) -> str:
        """Return the message and the next step, for a person."""
        return str(self)


class Refused(NucleusError):  # noqa: N818  the contract names it; a refusal is an answer, not a defect
    """The effect did not happen, and this says why.

    ``str()`` is one line that is safe to show to a model: it never names
    hidden things. ``where`` and ``next_step`` are for a person.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        id: str = "",  # noqa: A002  the public name of the field
        rule: str = "",
        where: str = "",
        next_step: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.id = id
        self.rule = rule
        self.where = where
        self.next_step = next_step

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.to_dict())

    def to_dict(self) -> dict[str, str]:
        """Return the fields as JSON-ready text."""
        return {
            "error": type(self).__name__,
            "message": self.message,
            "code": self.code,
            "id": self.id,
            "rule": self.rule,
            "where": self.where,
            "next_step": self.next_step,
        }

    def diagnostics(self) -> str:
        """Return what was refused, by which rule, where it stands, and the next step."""
        lines = [self.message]
        if self.where:
            lines.append(f"  rule: {self.rule} ({self.where})")
        if self.next_step:
            lines.append(f"  next: {self.next_step}")
        return "\n".join(lines)


def _rebuild(kind: type[Refused], fields: dict[str, str]) -> Refused:
    """Rebuild a refusal from ``to_dict``: what pickle calls."""
    kept = {name: fields[name] for name in ("code", "id", "rule", "where", "next_step")}
    return kind(fields["message"], **kept)


def _remade(kind: type[NucleusError], text: str, fields: dict[str, Any]) -> NucleusError:
    """Make an error whose fields are named: what pickle calls."""
    return kind(text, **fields)


class PolicyDenied(Refused):
    """A capability, a scope, or a person said no. Retrying does not help."""


class ApprovalRequired(Refused):
    """The policy asks, and nobody has answered yet. ``id`` names the pending question."""


class BudgetExceeded(Refused):
    """The cost of the call is more than what is left of the budget."""


class StateBlocked(Refused):
    """The session is closed, expired, locked down, its gate is gone, or its trace can't be written."""


class CannotEnforce(NucleusError):  # noqa: N818  the contract names it
    """A mechanism that the chosen level needs is missing. Nothing was run."""

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what, why, fix)
        self.what = what
        self.why = why
        self.fix = fix
        if fix:
            self.add_note(f"fix: {fix}")  # what a traceback shows below the message

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.what, {"why": self.why, "fix": self.fix})

    def __str__(self) -> str:
        return ": ".join(part for part in (self.what, self.why) if part)

    def diagnostics(self) -> str:
        """Return what is missing, why it matters, and the exact fix."""
        return f"{self}\n  fix: {self.fix}" if self.fix else str(self)


class PolicyError(NucleusError):
    """A policy file says something that it can't say. ``str()`` starts with ``path:line:``."""

    def __init__(self, message: str, *, path: str = "", line: int = 0, fix: str = "") -> None:
        super().__init__(message, path, line, fix)
        self.message = message
        self.path = path
        self.line = line
        self.fix = fix
        if fix:
            self.add_note(f"fix: {fix}")  # likewise

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.message, {"path": self.path, "line": self.line, "fix": self.fix})

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}: " if self.line else f"{self.path}: " if self.path else ""
        return place + self.message

    def diagnostics(self) -> str:
        """Return the message with its place, and the fix."""
        return f"{self}\n  fix: {self.fix}" if self.fix else str(self)


class TraceError(NucleusError):
    """A trace can't be read, or is not what was written. ``record`` is the first bad sequence number."""

    def __init__(self, message: str, *, path: str = "", record: int = -1) -> None:
        super().__init__(message, path, record)
        self.message = message
        self.path = path
        self.record = record

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.message, {"path": self.path, "record": self.record})

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        number = f"record {self.record}: " if self.record >= 0 else ""
        return place + number + self.message


class TokenError(NucleusError):
    """A token gives nothing here. ``code`` is stable, and says why.

    ``malformed``  it is no token of ours, or a block says what no block may
    ``untrusted``  no root that the caller trusts signed it, or a signature is wrong
    ``revoked``    one of its blocks was revoked
    ``depth``      it has more blocks than one of them allows
    ``expired``    its time is over
    ``audience``   it is for somebody else
    ``holder``     whoever presents it does not prove the key that it was made out to
    ``dispute``    Biscuit's authorizer and ours disagree, so neither is believed
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.message, {"code": self.code})

    def __str__(self) -> str:
        return self.message


class NoSession(NucleusError):  # noqa: N818  the contract names it
    """A mediated call was made outside of any session. Open one: ``with Session(profile=...):``."""
