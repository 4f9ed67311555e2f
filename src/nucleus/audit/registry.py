"""All rules, by name. Written out, so that nothing is imported that this list does not name."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Final, cast

from nucleus.audit.model import Finding, Rule
from nucleus.audit.project import Project
from nucleus.audit.rules import (
    agent_open_output,
    agent_open_to_bots,
    agent_open_to_strangers,
    agent_pull_request_target,
    agent_secrets,
    agent_untrusted_text,
    agent_without_tool_list,
    agent_write_token,
    approval_residue,
    automatic_approval,
    base_url_override,
    bidirectional_text,
    bypass_mode,
    client_three_legs,
    comment_instruction,
    container_host_namespace,
    container_privileged,
    container_socket,
    control_files_without_owners,
    deny_by_text,
    destructive_verb_allowed,
    domain_rules_without_proxy,
    downloaded_code,
    duplicate_key,
    environment_inherited,
    floating_action,
    floating_git_source,
    floating_image,
    floating_package,
    foreign_index,
    guard_fails_open,
    hidden_characters,
    home_or_root_scope,
    hook_path_missing,
    hook_runs_package,
    hook_shell_text,
    ignored_configuration,
    injected_instruction,
    instruction_downloads_code,
    interpreter_wildcard,
    invalid_policy,
    network_verb_allowed,
    permissions_three_legs,
    plain_http_remote,
    pod_service_account,
    policy_wider_than_profile,
    private_network_remote,
    project_command_helper,
    project_servers_enabled,
    repository_unprotected,
    sandbox_network_open,
    sandbox_off,
    sandbox_way_around,
    secret_in_argument,
    secret_in_config,
    secrets_readable,
    server_embeds_credentials,
    server_listens_everywhere,
    server_three_legs,
    shell_server_command,
    silent_instruction,
    skill_grants_tools,
    steering_environment,
    tls_verification_off,
    tool_redefines_itself,
    tool_reflects_input,
    tool_runs_shell,
    tool_unconfined_path,
    unmediated_server,
    unreadable_file,
    unrestricted_fetch,
    unrestricted_shell,
    whole_server_allowed,
    writable_control_files,
)

MODULES: Final[tuple[ModuleType, ...]] = (
    agent_open_output,
    agent_open_to_bots,
    agent_open_to_strangers,
    agent_pull_request_target,
    agent_secrets,
    agent_untrusted_text,
    agent_without_tool_list,
    agent_write_token,
    approval_residue,
    automatic_approval,
    base_url_override,
    bidirectional_text,
    bypass_mode,
    client_three_legs,
    comment_instruction,
    container_host_namespace,
    container_privileged,
    container_socket,
    control_files_without_owners,
    deny_by_text,
    destructive_verb_allowed,
    domain_rules_without_proxy,
    downloaded_code,
    duplicate_key,
    environment_inherited,
    floating_action,
    floating_git_source,
    floating_image,
    floating_package,
    foreign_index,
    guard_fails_open,
    hidden_characters,
    home_or_root_scope,
    hook_path_missing,
    hook_runs_package,
    hook_shell_text,
    ignored_configuration,
    injected_instruction,
    instruction_downloads_code,
    interpreter_wildcard,
    invalid_policy,
    network_verb_allowed,
    permissions_three_legs,
    plain_http_remote,
    pod_service_account,
    policy_wider_than_profile,
    private_network_remote,
    project_command_helper,
    project_servers_enabled,
    repository_unprotected,
    sandbox_network_open,
    sandbox_off,
    sandbox_way_around,
    secret_in_argument,
    secret_in_config,
    secrets_readable,
    server_embeds_credentials,
    server_listens_everywhere,
    server_three_legs,
    shell_server_command,
    silent_instruction,
    skill_grants_tools,
    steering_environment,
    tls_verification_off,
    tool_redefines_itself,
    tool_reflects_input,
    tool_runs_shell,
    tool_unconfined_path,
    unmediated_server,
    unreadable_file,
    unrestricted_fetch,
    unrestricted_shell,
    whole_server_allowed,
    writable_control_files,
)
"""In the order of their names."""
Check = Callable[[Project], Iterator[Finding]]
_BY_ID: Final = {cast("Rule", module.RULE).id: module for module in MODULES}


def rules() -> Iterator[tuple[Rule, Check]]:
    """Yield every rule with its check."""
    for module in MODULES:
        yield cast("Rule", module.RULE), cast("Check", module.check)


def rule_ids() -> tuple[str, ...]:
    """Return the ids of all rules."""
    return tuple(_BY_ID)


def page(name: str) -> str:
    """Return the documentation page of a rule, as Markdown. Raises KeyError."""
    module = _BY_ID[name]
    rule = cast("Rule", module.RULE)
    first, _, rest = (module.__doc__ or "").strip().partition("\n")
    facts = f"severity {rule.severity.name.lower()}, confidence {rule.confidence.name.lower()}"
    return f"# {rule.id}\n\n{first}\n\n*{facts}, persona {rule.persona.name.lower()}*\n\n{rest.strip()}\n"
