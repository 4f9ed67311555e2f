"""container-socket: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".devcontainer/devcontainer.json": """\
{
  "name": "dev",
  "mounts": ["source=/var/run/docker.sock,target=/var/run/docker.sock,type=bind"]
}
""",
}
PRINTED = """\
high[container-socket]: container 'dev' can command the container engine: that is root on the host
 --> .devcontainer/devcontainer.json:3:14
  |
3 |   "mounts": ["source=/var/run/docker.sock,target=/var/run/docker.sock,type=bind"]
  |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".devcontainer/devcontainer.json": """\
{ "mounts": ["source=cache,target=/cache,type=volume"] }
""",
}


def test_the_socket_of_the_engine_in_a_dev_container_is_found() -> None:
    """The socket of the engine in a dev container is found."""
    assert printed("container-socket", FOUND) == PRINTED


def test_a_cache_volume_is_not() -> None:
    """A cache volume is not."""
    assert printed("container-socket", LEFT_ALONE) == ""
