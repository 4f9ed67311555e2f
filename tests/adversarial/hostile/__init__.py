"""Ways out of a box, by class. ``WAYS`` are all of them, ``READS`` those that have to find their mark."""

from . import ipc, network, processes, reading, writing  # noqa: F401  each adds its ways
from .base import NUMBERS, READS, SECONDS, WAYS, attempt

__all__ = ["NUMBERS", "READS", "SECONDS", "WAYS", "attempt"]
