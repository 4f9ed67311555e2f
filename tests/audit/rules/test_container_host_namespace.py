"""container-host-namespace: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "scan": { "command": "docker", "args": ["run", "--network", "host", "example/server"] }
  }
}
""",
    "compose.yaml": """\
services:
  claude:
    image: example/claude
    network_mode: host
""",
}
PRINTED = """\
high[container-host-namespace]: container 'scan' shares a namespace with the host: it reaches what listens there
 --> .mcp.json:3:65
  |
3 |     "scan": { "command": "docker", "args": ["run", "--network", "host", "example/server"] }
  |                                                                 ^^^^^^

high[container-host-namespace]: container 'claude' shares a namespace with the host: it reaches what listens there
 --> compose.yaml:4:19
  |
4 |     network_mode: host
  |                   ^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "scan": { "command": "docker", "args": ["run", "-p", "127.0.0.1:8080:8080", "example/server"] }
  }
}
""",
}


def test_the_network_of_the_host_is_found() -> None:
    """The network of the host is found."""
    assert printed("container-host-namespace", FOUND) == PRINTED


def test_a_published_port_is_not() -> None:
    """A published port is not."""
    assert printed("container-host-namespace", LEFT_ALONE) == ""
