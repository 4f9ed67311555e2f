"""What follows from the specification: one function for each claim.

A property is proved about the specification; the contracts say that the
running code is the specification. Its docstring is its statement.

``goals``     how a property is written down
``lattices``  authorities, levels, exposure
``static``    reach, within, nu
``requests``  what decide grants, asks, refuses
``states``    the next state, children, ratchet
``quotient``  the finite part that a verdict depends on
"""

from typing import Final

from proofs.properties import lattices, quotient, requests, states, static
from proofs.properties.goals import Property, properties_of

PROPERTIES: Final[tuple[Property, ...]] = tuple(
    found for module in (lattices, static, requests, states, quotient) for found in properties_of(module)
)
