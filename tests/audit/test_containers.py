"""What containers are given of their host."""

import pytest

from nucleus.audit.containers import Container
from tests.audit.printed import project_of

IMAGE = "example/claude"


def container(path: str, text: str) -> Container:
    (found,) = project_of({path: text}).containers
    return found


def facts(found: Container) -> tuple[int, int, list[str]]:
    return len(found.host_namespaces), len(found.privileged), [host for _, host in found.mounts]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            ".mcp.json",
            (
                '{"mcpServers": {"s": {"command": "docker", "args": ["run", "--network=host", "--privileged", '
                f'"-v", "/var/run/docker.sock:/s", "{IMAGE}"]}}}}}}'
            ),
        ),
        (
            "compose.yml",
            (
                f"services:\n  a:\n    image: {IMAGE}\n    network_mode: host\n    privileged: true\n"
                "    volumes:\n      - /var/run/docker.sock:/s\n"
            ),
        ),
        (
            "pod.yaml",
            (
                f"apiVersion: v1\nkind: Pod\nspec:\n  hostNetwork: true\n  volumes:\n    - hostPath:\n"
                f"        path: /var/run/docker.sock\n  containers:\n    - name: a\n      image: {IMAGE}\n"
                "      securityContext:\n        privileged: true\n"
            ),
        ),
        (
            ".devcontainer/devcontainer.json",
            '{"runArgs": ["--network", "host", "--privileged"], "mounts": ["source=/var/run/docker.sock,target=/s"]}',
        ),
    ],
)
def test_every_form_says_the_same(path: str, text: str) -> None:
    assert facts(container(path, text)) == (1, 1, ["/var/run/docker.sock"])


def test_pods_are_found_inside_of_templates() -> None:
    text = (
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n"
        f"        - name: agent\n          image: {IMAGE}\n"
    )
    assert container("deploy.yaml", text).service_account is not None


def test_containers_without_an_agent_are_left_to_others() -> None:
    text = "services:\n  db:\n    image: postgres:16\n    privileged: true\n"
    assert project_of({"compose.yml": text}).containers == []
    pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: db\n      image: postgres:16\n"
    assert project_of({"pod.yaml": pod}).documents == []
