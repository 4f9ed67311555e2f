"""The decision kernel: pure functions on ints, small enough to prove.

Modules, in the order to read them:

``capability``  twelve capabilities, three levels, an authority in 24 bits
``exposure``    what the principal has seen, in five bits
``facts``       the request's facts, the floors per capability
``state``       what a principal is: authority, exposure, budget, version
``decide``      ``refusal``, ``question``, ``after``, ``decide``
``delegate``    children: authority meets, budget is debited
``boundary``    the only door: admits untrusted facts and calls ``decide``

What is not here: paths, hosts, clocks, files, approvals, names. They become
small ints outside (``nucleus.policy``, ``nucleus.gate``); an unknown fact is
passed as its worst value.

The code keeps to the subset that the symbolic executor in ``proofs/`` runs:
``if``, ``return``, comparisons and bit operations on ints. No loop over data,
no ``try``, no store to an attribute, no method call.
"""
