"""Schemas of what may leave a quarantine: ``from nucleus.quarantine import choice, integer, record``.

The language, its capacities and its marks are in ``nucleus.policy.quarantine``,
where the gate checks them too.
"""

from nucleus.policy.quarantine import (
    Declassified,
    Quarantined,
    QuarantinedNumber,
    QuarantinedText,
    Schema,
    boolean,
    choice,
    integer,
    list_of,
    optional,
    record,
)

__all__ = [
    "Declassified",
    "Quarantined",
    "QuarantinedNumber",
    "QuarantinedText",
    "Schema",
    "boolean",
    "choice",
    "integer",
    "list_of",
    "optional",
    "record",
]
