"""The seal: a process gives up its own ambient authority, for good.

Modules, in the order to read them:

``syscalls``   numbers of the system calls, as data
``bpf``        a filter described, and assembled to classic BPF (pure)
``allowance``  what a sealed process may still call, with the reason (pure)
``landlock``   a ruleset described, and enforced
``native``     the few calls the standard library has no name for
``standing``   what must be true of a process before it can be sealed
``terminal``   what a terminal is not told (pure)
``relay``      the process that carries standard input and output
``seal``       the sequence: check, relay, preload, give up, try it

A sealed process computes, waits, starts threads, and talks over the sockets
it kept. Whatever else it wants done, it asks the gate for.
"""
