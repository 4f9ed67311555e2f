"""The sandbox runtime's settings."""

from tests.audit.importers.imported import body, imported


def test_hosts_and_paths_are_carried_over_and_the_rest_is_named() -> None:
    found = imported(
        "srt",
        ".srt-settings.json",
        {
            "network": {
                "allowedDomains": ["*.example.org"],
                "deniedDomains": ["bad.example"],
                "allowLocalBinding": True,
            },
            "filesystem": {"denyRead": ["~/.ssh"], "allowWrite": [".", "/tmp/x"], "denyWrite": [".env"]},
            "enableWeakerNestedSandbox": True,
        },
    )
    assert body(found) == [
        "[allow]",
        'fetch = ["*.example.org"]',
        'write = ["**", "/tmp/x/**"]',
        "[deny]",
        'fetch = ["bad.example"]',
        'read = ["~/.ssh/**"]',
        'write = [".env/**"]',
    ]
    lost = " ".join(found.lost)
    assert "allowLocalBinding" in lost
    assert "enableWeakerNestedSandbox" in lost
