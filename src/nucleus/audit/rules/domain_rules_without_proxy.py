"""Domain rules are written down, and nothing enforces them.

## Why

In Codex a permission profile's `network.enabled = true` opens the network; its domain rules hold only while the
network proxy runs, and that is a switch of its own. Without it every host is open, and the list reads as if it were
not. A profile is also ignored as a whole where `sandbox_mode` is set.

## Example

```toml
default_permissions = "work"
[permissions.work.network]
enabled = true
domains = { "docs.python.org" = "allow" }
```

## Fix

Add `[features] network_proxy = true` and take `sandbox_mode` out; or let `nucleus run` enforce the hosts from
outside.

## Limits

A requirements file of an administrator can switch the proxy on; it is not looked for.
Source: the permissions page of the Codex documentation.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("domain-rules-without-proxy", "domain rules that nothing enforces", Severity.HIGH, Confidence.MEDIUM)


def check(project: Project) -> Iterator[Finding]:
    """Yield permission profiles whose domain rules do not bite."""
    for document, root in project.configs("codex"):
        profiles = root.get("permissions")
        if profiles is None:
            continue
        proxy = root.at("features", "network_proxy")
        mode = root.get("sandbox_mode")
        for key, profile in profiles.entries():
            network = profile.get("network")
            enabled = network.get("enabled") if network is not None else None
            rules = (
                next(
                    (
                        network.get(name)
                        for name in ("domains", "allowed_domains", "denied_domains")
                        if network.get(name) is not None
                    ),
                    None,
                )
                if network is not None
                else None
            )
            if mode is not None:
                yield RULE.at(
                    document.source,
                    mode.start,
                    mode.end,
                    f"sandbox_mode is set, so the permission profile '{key.value}' is ignored",
                    subject=f"{key.value} ignored",
                    severity=Severity.MEDIUM,
                )
            elif (
                enabled is not None
                and enabled.is_true()
                and rules is not None
                and (proxy is None or not proxy.is_true())
            ):
                yield RULE.at(
                    document.source,
                    enabled.start,
                    enabled.end,
                    f"the domain rules of '{key.value}' limit nothing without features.network_proxy = true: every host is open",  # noqa: E501  one pattern or table row, one line
                    subject=str(key.value),
                )
