"""Files made to hang or break the audit: deep, long, never closed, ambiguous. Each ends, and no rule fails on it.

The suite's own time limit is the judge of what hangs: a quadratic reader or
expression takes minutes on these.
"""

import pytest

from nucleus.audit.engine import audit
from nucleus.audit.output import markdown, text
from nucleus.audit.settings import Settings
from tests.audit.printed import project_of

N = 20_000
SERVER = "from mcp import x\n"
STEP = "jobs:\n  a:\n    steps:\n      - run: "
HOSTILE = {
    "deep lists": (".mcp.json", "[" * N),
    "deep tables": (".mcp.json", '{"a":' * N),
    "comments never closed": (".mcp.json", "/*" * N),
    "line comments": (".mcp.json", "//" * N),
    "one long word": (".mcp.json", '{"mcpServers":{"x":{"command":"' + "a" * N + '"}}}'),
    "prefixes of keys": (".mcp.json", '{"a":"' + "re-" * N + '"}'),
    "prefixes of tokens": (".mcp.json", '{"a":"' + "eyJ-" * N + '"}'),
    "schemes": (".mcp.json", '{"a":"' + "a://" * N + '"}'),
    "words before secrets": (".mcp.json", '{"a":"' + "apikey:" * N + '"}'),
    "hash comments": (".mcp.json", "#\n" * N),
    "pipes": (".claude/settings.json", '{"hooks":{"PreToolUse":[{"hooks":[{"command":"' + "curl x | " * N + '"}]}]}}'),
    "a rule of one word": (".claude/settings.json", '{"permissions":{"allow":["Bash(' + "a" * N + ')"]}}'),
    "dashes": ("pod.yml", "apiVersion: v1\nagent:\n" + "- " * N),
    "dashes in a workflow": (".github/workflows/a.yml", "- " * N),
    "keys in a line": (".github/workflows/a.yml", "a: " * N),
    "tabs": (".github/workflows/a.yml", "\t" * N),
    "tabs behind text": (".github/workflows/a.yml", "a\t" * N),
    "anchors": (".github/workflows/a.yml", "&a " * N),
    "quotes": (".github/workflows/a.yml", '"\\' * N),
    "substitutions": (".github/workflows/a.yml", STEP + "$(" * N),
    "assignments": (".github/workflows/a.yml", STEP + "|\n          " + "A=b " * N),
    "expressions": (".github/workflows/a.yml", STEP + 'claude -p "${{' + " github.event." * N),
    "substitutions in a script": ("run.sh", "$(" * N + "claude"),
    "comments of a page": ("AGENTS.md", "<!--" * N),
    "phrases": ("AGENTS.md", "ignore all " * N),
    "negations": ("AGENTS.md", "do not " * N),
    "blanks": ("AGENTS.md", "do not" + " " * N),
    "downloads": ("AGENTS.md", "curl " * N),
    "invisible text": ("AGENTS.md", "\u200b" * N),
    "suppressions": ("AGENTS.md", "nucleus: ignore[" * N),
    "brackets of a program": ("server.py", SERVER + "(" * N),
    "a long sum": ("server.py", SERVER + "@mcp.tool()\ndef a(b): return " + "+".join(["b"] * 3000)),
    "words before credentials": ("server.py", SERVER + '"password: ' * N),
    "descriptions": ("a.ts", "McpServer( mcp " + "description: `" * N),
    "commands": ("a.ts", "McpServer( mcp " + "exec(`${a}" * N),
    "tables of settings": (".codex/config.toml", "[" * N),
    "a long list": (".codex/config.toml", "a = [" + "1," * N + "]"),
    "prefix rules": (".codex/rules/x.rules", "prefix_rule(" * N),
    "owners": ("CODEOWNERS", "*\n" * N),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_and_breaks_no_rule(name: str) -> None:
    path, content = HOSTILE[name]
    result = audit(project_of({path: content}), Settings())
    assert [finding.message for finding in result.findings if finding.rule.id == "internal-error"] == []
    assert text.render(result)
    assert markdown.render(result)
