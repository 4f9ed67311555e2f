"""pod-service-account: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    "pod.yaml": """\
apiVersion: v1
kind: Pod
spec:
  containers:
    - name: agent
      image: example/claude-agent@sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
""",
}
PRINTED = """\
low[pod-service-account]: the pod of 'agent' gets a token for the cluster's API
 --> pod.yaml:4:3
  |
4 |   containers:
  |   ^^^^^^^^^^
"""
LEFT_ALONE = {
    "pod.yaml": """\
apiVersion: v1
kind: Pod
spec:
  automountServiceAccountToken: false
  containers:
    - name: agent
      image: example/claude-agent@sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
""",
}


def test_a_mounted_token_is_found() -> None:
    """A mounted token is found."""
    assert printed("pod-service-account", FOUND) == PRINTED


def test_switched_off_it_is_not() -> None:
    """Switched off it is not."""
    assert printed("pod-service-account", LEFT_ALONE) == ""
