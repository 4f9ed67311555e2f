"""What leaves a box: the proxy, and routes that see more than a proxy does.

One privileged process for each box. It listens where the box's empty network
ends, asks the gate for each tunnel and request, and does what was allowed. It
is handed its listening sockets and one connection to the gate, and opens
nothing for anybody else. If the gate is gone, every connection is cut.
"""
