"""Outcomes of performers: failures as data, and arguments taken strictly."""

import errno
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from nucleus.gate.effects import Outcome, Permit

FAILURES: Final = (
    "BlockingIOError",
    "CannotEnforce",
    "ConnectionError",
    "FileExistsError",
    "FileNotFoundError",
    "IsADirectoryError",
    "NotADirectoryError",
    "OSError",
    "PermissionError",
    "RuntimeError",
    "TimeoutError",
    "ValueError",
)
"""The names that ``value["type"]`` of a failure can have. All but CannotEnforce are built in."""

MESSAGE_LIMIT: Final = 600
"""Characters of a failure's message: a sentence or two, never a page of somebody's output."""


class PermitError(Exception):
    """A permit lacks what its kind needs: a defect of the gate, never of the caller."""


def failed(kind: str, message: str, number: int = 0, **more: str) -> Outcome:
    """Return the outcome of an effect that did not happen."""
    return Outcome("failed", {"type": kind, "message": message[:MESSAGE_LIMIT], "errno": number, **more})


def failure_of(error: Exception) -> Outcome:
    """Return the outcome that an exception stands for. What is not expected becomes RuntimeError."""
    if isinstance(error, OSError):
        return failed(_os_name(error), _os_message(error), error.errno or 0)
    if isinstance(error, UnicodeError | ValueError):
        return failed("ValueError", str(error))
    if isinstance(error, PermitError):
        return failed("RuntimeError", f"the permit does not fit: {error}")
    return failed("RuntimeError", f"the worker hit a defect ({type(error).__name__}); nothing more was done")


def _os_name(error: OSError) -> str:
    for kind in type(error).__mro__:
        if kind.__name__ in FAILURES:
            return kind.__name__
    return "OSError"


def _os_message(error: OSError) -> str:
    what = error.strerror or str(error)
    name = error.filename
    return f"{what}: {name!r}" if isinstance(name, str) and name else what


_P = TypeVar("_P")


def never_raises(perform: Callable[[_P, Permit, bytes], Outcome]) -> Callable[[_P, Permit, bytes], Outcome]:
    """Make every exception of a performer an outcome. Only SystemExit and the like still end the worker."""

    @functools.wraps(perform)
    def guarded(self: _P, permit: Permit, body: bytes) -> Outcome:
        try:
            return perform(self, permit, body)
        except Exception as error:  # noqa: BLE001  whatever it was, the gate must hear of it
            return failure_of(error)

    return guarded


def text(args: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a text argument. Raises PermitError where it is missing or not text."""
    found = args.get(name, default)
    if not isinstance(found, str):
        raise PermitError(f"{name!r} must be text")
    return found


def texts(args: Mapping[str, Any], name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return a list of texts. Raises PermitError where it is missing or anything else."""
    found = args.get(name, default)
    if not isinstance(found, list | tuple) or not all(isinstance(each, str) for each in found):
        raise PermitError(f"{name!r} must be a list of texts")
    return tuple(found)


def flag(args: Mapping[str, Any], name: str) -> bool:
    """Return a flag; absent is False. Raises PermitError where it is neither true nor false."""
    found = args.get(name, False)
    if not isinstance(found, bool):
        raise PermitError(f"{name!r} must be true or false")
    return found


def whole(args: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """Return a whole number. Raises PermitError where it is missing or anything else."""
    found = args.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool):
        raise PermitError(f"{name!r} must be a whole number")
    return found


def too_large(what: str, limit: int) -> OSError:
    """Return the error of a result beyond its limit: an error, never a silent cut."""
    return OSError(errno.EFBIG, f"{what} is larger than the limit of {limit} bytes")


class Deadline:
    """A point in monotonic time. ``left()`` raises TimeoutError once it has passed."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left, always above zero."""
        remaining = self._end - time.monotonic()
        if remaining <= 0:
            raise TimeoutError(errno.ETIMEDOUT, f"not done within {self._seconds:g} seconds")
        return remaining
