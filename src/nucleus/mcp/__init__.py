"""MCP mediation: any client, any server, nothing trusted on its word.

``framing`` cuts a stream into lines, ``messages`` reads each line strictly,
``methods`` knows every field that a client may send, ``pins`` remembers what
a server's tools were, ``mapping`` says what a tool does, and ``engine`` joins
them into one machine without IO. ``stdio`` is the only module that reads,
writes and starts a process.
"""
