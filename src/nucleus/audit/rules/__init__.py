"""One file per rule. The docstring of a file is the rule's page; ``check`` yields its findings.

Adding one: a module here with ``RULE`` and ``check``, its name in ``NAMES``, ``tests/audit/rules/test_<name>.py``
with the printed text, and ``python -m nucleus audit --explain <id>`` as the source of ``docs/audit/<id>.md``.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import cast

from nucleus.audit.model import Finding, Rule
from nucleus.audit.project import Project

NAMES = (
    "agent_open_output",
    "agent_open_to_bots",
    "agent_open_to_strangers",
    "agent_pull_request_target",
    "agent_secrets",
    "agent_untrusted_text",
    "agent_without_tool_list",
    "agent_write_token",
    "approval_residue",
    "automatic_approval",
    "base_url_override",
    "bidirectional_text",
    "bypass_mode",
    "client_three_legs",
    "comment_instruction",
    "container_host_namespace",
    "container_privileged",
    "container_socket",
    "control_files_without_owners",
    "deny_by_text",
    "destructive_verb_allowed",
    "domain_rules_without_proxy",
    "downloaded_code",
    "duplicate_key",
    "environment_inherited",
    "floating_action",
    "floating_git_source",
    "floating_image",
    "floating_package",
    "foreign_index",
    "guard_fails_open",
    "hidden_characters",
    "home_or_root_scope",
    "hook_path_missing",
    "hook_runs_package",
    "hook_shell_text",
    "ignored_configuration",
    "injected_instruction",
    "instruction_downloads_code",
    "interpreter_wildcard",
    "invalid_policy",
    "network_verb_allowed",
    "permissions_three_legs",
    "plain_http_remote",
    "pod_service_account",
    "policy_wider_than_profile",
    "private_network_remote",
    "project_command_helper",
    "project_servers_enabled",
    "repository_unprotected",
    "sandbox_network_open",
    "sandbox_off",
    "sandbox_way_around",
    "secret_in_argument",
    "secret_in_config",
    "secrets_readable",
    "server_embeds_credentials",
    "server_listens_everywhere",
    "server_three_legs",
    "shell_server_command",
    "silent_instruction",
    "skill_grants_tools",
    "steering_environment",
    "tls_verification_off",
    "tool_reflects_input",
    "tool_runs_shell",
    "tool_unconfined_path",
    "unmediated_server",
    "unreadable_file",
    "unrestricted_fetch",
    "unrestricted_shell",
    "whole_server_allowed",
    "writable_control_files",
)
"""Modules of rules, in the order of their names."""
Check = Callable[[Project], Iterator[Finding]]


def module_of(name: str) -> ModuleType:
    """Return the module of a rule by its id or its module name. Raises KeyError."""
    plain = name.replace("-", "_")
    if plain not in NAMES:
        raise KeyError(name)
    return import_module(f"{__name__}.{plain}")


def rules() -> Iterator[tuple[Rule, Check]]:
    """Yield every rule with its check."""
    for name in NAMES:
        module = module_of(name)
        yield cast("Rule", module.RULE), cast("Check", module.check)


def rule_ids() -> tuple[str, ...]:
    """Return the ids of all rules."""
    return tuple(name.replace("_", "-") for name in NAMES)


def page(name: str) -> str:
    """Return the documentation page of a rule, as Markdown. Raises KeyError."""
    module = module_of(name)
    rule = cast("Rule", module.RULE)
    text = (module.__doc__ or "").strip()
    facts = f"severity {rule.severity.name.lower()}, confidence {rule.confidence.name.lower()}, persona {rule.persona.name.lower()}"  # noqa: E501  one pattern or table row, one line
    return f"# {rule.id}\n\n{text.partition(chr(10))[0]}\n\n*{facts}*\n\n{text.partition(chr(10))[2].strip()}\n"
