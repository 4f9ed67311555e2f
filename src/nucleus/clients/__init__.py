"""What agent clients read of their owner's: edited in place, and put back byte for byte.

``entry`` puts one MCP server behind the mediator and takes it out again,
``config`` does so for a whole file, ``places`` knows where clients keep their
files, ``replace`` is the only module that writes.
"""
