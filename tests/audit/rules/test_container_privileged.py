"""container-privileged: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".devcontainer/devcontainer.json": """\
{
  "name": "dev",
  "runArgs": ["--privileged"]
}
""",
    "pod.yaml": """\
apiVersion: v1
kind: Pod
spec:
  automountServiceAccountToken: false
  containers:
    - name: agent
      image: example/claude-agent@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      securityContext:
        privileged: true
""",
}
PRINTED = """\
high[container-privileged]: container 'dev' is given powers over its host
 --> .devcontainer/devcontainer.json:3:15
  |
3 |   "runArgs": ["--privileged"]
  |               ^^^^^^^^^^^^^^

high[container-privileged]: container 'agent' is given powers over its host
 --> pod.yaml:9:21
  |
9 |         privileged: true
  |                     ^^^^
"""
LEFT_ALONE = {
    ".devcontainer/devcontainer.json": """\
{ "runArgs": ["--cap-drop", "ALL"] }
""",
}


def test_a_privileged_dev_container_and_pod_are_found() -> None:
    """A privileged dev container and pod are found."""
    assert printed("container-privileged", FOUND) == PRINTED


def test_dropped_capabilities_are_not() -> None:
    """Dropped capabilities are not."""
    assert printed("container-privileged", LEFT_ALONE) == ""
