"""Tools: mediated files, network, git, commands and publishing.

``from nucleus.tools import fs, net, git, proc, publish``. Each function asks
the gate of the ambient session; outside of one it raises NoSession. What a
refused call raises is in ``nucleus.errors``; what a failed one raises is the
built-in exception that the plain call would have raised.
"""
