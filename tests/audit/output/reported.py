"""One small run for all formats: a finding with a fix and a note, a suppressed one, and hostile names."""

from nucleus.audit.engine import Result, audit
from nucleus.audit.settings import Settings
from tests.audit.printed import project_of

FILES = {
    ".mcp.json": """\
{
  "mcpServers": {
    "a|b`<i>\\u001b[31m": { "command": "npx", "args": ["-y", "frobnicate"] },
    "ours": { "command": "npx", "args": ["-y", "gizmo"] } // nucleus: ignore[floating-package] because we build it
  }
}
""",
    ".claude/settings.json": '{ "enableAllProjectMcpServers": true, '
    '"permissions": { "allow": ["Read", "Bash(curl:*)"] } }\n',
}


def report() -> Result:
    """Return the run."""
    return audit(project_of(FILES), Settings())
