# ruff: noqa: RUF001  compatibility letters are the attack

"""Paths that steer something are found at any depth and in any disguise; ordinary ones are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.policy.controls import Steering, in_git, secret_looking, secret_patterns, steering

CONTROL = (
    "bare/HEAD",
    "docs/commondir",
    "lefthook-local.yml",
    ".helix/languages.toml",
    "_darcs/prefs/defaults",
    "nucleus.toml",
    "sub/nucleus.toml",
    ".nucleus/x",
    "CLAUDE.md",
    "pkg/a/CLAUDE.local.md",
    "AGENTS.md",
    "GEMINI.md",
    ".claude/settings.json",
    "a/.claude/hooks/x.sh",
    ".claude.json",
    ".cursor/mcp.json",
    ".cursor/rules/a.mdc",
    ".cursorrules",
    ".vscode/settings.json",
    ".vscode/tasks.json",
    "x.code-workspace",
    ".mcp.json",
    "mcp.json",
    ".codex/config.toml",
    ".gemini/settings.json",
    ".github/copilot-instructions.md",
    ".github/instructions/a.instructions.md",
    ".github/agents/x.agent.md",
    ".windsurfrules",
    ".clinerules/a.md",
    ".roo/mcp.json",
    ".aider.conf.yml",
    "opencode.json",
    ".git/config",
    ".git/hooks/pre-commit",
    ".git",
    ".gitmodules",
    "vendor/lib/.git/config",
    ".githooks/x",
    ".husky/pre-commit",
    ".pre-commit-config.yaml",
    ".bashrc",
    ".zshenv",
    ".config/fish/config.fish",
    ".profile",
    "MEMORY.md",
    "memory-bank/a.md",
    ".idea/workspace.xml",
    ".ssh/authorized_keys",
    ".config/git/config",
    "LaunchAgents/x.plist",
    "skills/x/SKILL.md",
)
HELD = (
    ".config/mise/config.toml",
    ".iex.exs",
    "bunfig.toml",
    "conftest.py",
    "tests/conftest.py",
    ".envrc",
    ".devcontainer/devcontainer.json",
    ".venv/bin/python",
    "a.pth",
    "lib/site-packages/x.py",
    "sitecustomize.py",
    "node_modules/x/index.js",
    ".npmrc",
    ".cargo/config.toml",
    "x.pyc",
    ".yarnrc.yml",
    "mise.toml",
)
FLAGGED = (
    "Makefile",
    "package.json",
    ".github/workflows/ci.yml",
    ".github/actions/x/action.yml",
    "setup.py",
    "Dockerfile",
    ".gitlab-ci.yml",
    "CODEOWNERS",
    ".gitattributes",
    "noxfile.py",
)
ORDINARY = (
    "src/head/x.py",
    "head.tsx",
    "src/a.py",
    "README.md",
    "docs/guide.md",
    "git/x.py",
    "src/claude.py",
    "tests/test_git.py",
    "mcp/server.py",
    "profile.md",
    ".gitignore",
    ".github/ISSUE_TEMPLATE/bug.md",
    ".editorconfig",
    "pyproject.toml",
    "agents/agent.py",
    "memory.py",
    "cursor/x.ts",
    "x.md",
    "rules.py",
    "src/config/fish.py",
    "makefile_parser.py",
    "a~b.txt",
    "bin~1/x",
)


@pytest.mark.parametrize("path", CONTROL)
def test_what_steers_an_agent_is_a_control_path(path: str) -> None:
    assert steering(path) == Steering.CONTROL


@pytest.mark.parametrize("path", HELD)
def test_what_runs_without_being_asked_is_held(path: str) -> None:
    assert steering(path) == Steering.HELD


@pytest.mark.parametrize("path", FLAGGED)
def test_what_runs_in_a_build_is_flagged(path: str) -> None:
    assert steering(path) == Steering.FLAGGED


@pytest.mark.parametrize("path", ORDINARY)
def test_ordinary_files_steer_nothing(path: str) -> None:
    assert steering(path) == Steering.NONE


@pytest.mark.parametrize(
    "disguise",
    [
        ".GIT/config",
        ".git./config",
        ".git /config",
        ".g\u200cit/config",
        "git~1/config",
        "GIT~1/hooks/x",
        "gi7eba~1/config",
        ".git::$INDEX_ALLOCATION/config",
        "ＣＬＡＵＤＥ.md",
        "CLAUDE.md.",
        "CLAUDE~1.MD",
        "claude.md::$DATA",
        "AGENTS\u00ad.md",
        ".claude\u2060/settings.json",
        "NUCLEU~1.TOM",
        ".MCP.JSON",
        ".vscode\ufe0f/tasks.json",
        "agents~2.md",
    ],
)
def test_a_disguised_control_path_is_one(disguise: str) -> None:
    assert steering(disguise) == Steering.CONTROL


def test_a_plain_comparison_lets_disguises_through() -> None:
    """The defence switched off: none of these is equal to the name that a file system opens for it."""
    for disguise in (".GIT", ".git.", ".g\u200cit", "GIT~1"):
        assert disguise != ".git"
        assert steering(disguise) == Steering.CONTROL


@given(st.sampled_from(CONTROL), st.lists(st.sampled_from(["a", "src", "deep"]), max_size=4))
def test_a_control_path_is_one_at_any_depth(path: str, above: list[str]) -> None:
    assert steering("/".join([*above, path])) == Steering.CONTROL


@given(st.sampled_from(CONTROL + HELD + FLAGGED), st.data())
def test_case_never_matters(path: str, data: st.DataObject) -> None:
    mixed = "".join(data.draw(st.sampled_from([c.upper(), c.lower()])) for c in path)
    assert steering(mixed) == steering(path)


@given(st.text(max_size=60))
def test_any_path_can_be_judged(path: str) -> None:
    assert steering(path) in Steering
    assert secret_looking(path) in {True, False}


@pytest.mark.parametrize("path", [".git", ".git/objects/pack/a.pack", "sub/.GIT/x", "git~1/config", ".g\u200bit/HEAD"])
def test_gits_own_storage_is_found(path: str) -> None:
    assert in_git(path)


@pytest.mark.parametrize("path", [".gitignore", ".github/x", "git/x.py", "src/a.git.py"])
def test_what_only_sounds_like_it_is_not(path: str) -> None:
    assert not in_git(path)


SECRET = (
    ".env",
    ".env.local",
    "config/.env.production",
    "prod.env",
    "key.pem",
    "certs/server.key",
    "id_rsa",
    ".ssh/id_ed25519",
    ".ssh/config",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".aws/credentials",
    "credentials.json",
    "scripts/.token",
    "token.txt",
    "secrets/db.yaml",
    "secrets.yml",
    "infra/prod.tfvars",
    "terraform.tfstate",
    "wallet.dat",
    "x.kdbx",
    "keystore.jks",
    "service-account-1.json",
    ".kube/config",
    ".docker/config.json",
    ".config/gh/hosts.yml",
    "/proc/self/environ",
    "/etc/shadow",
    ".bash_history",
    ".git-credentials",
    ".git/config",
    ".ENV",
    ".e\u200bnv",
    "ID_RSA",
    ".env.",
    "ENV~1",
)
NO_SECRET = (
    ".env.example",
    ".env.sample",
    "example.env",
    "src/token/lexer.go",
    "src/token.py",
    "credentials.py",
    "id_rsa.pub",
    "docs/secrets.md",
    "src/identity/x.py",
    "environment.py",
    "keys.py",
    "monkey.txt",
    "README.md",
    "token_test.go",
)


@pytest.mark.parametrize("path", SECRET)
def test_keys_and_passwords_look_like_secrets(path: str) -> None:
    assert secret_looking(path)


@pytest.mark.parametrize("path", NO_SECRET)
def test_templates_and_source_code_do_not(path: str) -> None:
    assert not secret_looking(path)


def test_the_patterns_for_a_tree_are_for_names_at_any_depth() -> None:
    patterns = secret_patterns()
    assert all(pattern.startswith("**/") for pattern in patterns)
    assert {"**/.env", "**/.env.*", "**/*.pem", "**/id_rsa", "**/secrets/**"} <= set(patterns)
