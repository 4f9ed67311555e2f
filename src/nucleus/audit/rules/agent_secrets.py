"""An agent in CI is given secrets besides its own key.

## Why

Whatever is in its environment the agent can print, and it can be told to. Deploy keys, package tokens and personal
tokens outlive the job.

## Example

```yaml
- uses: anthropics/claude-code-action@v1
  env: { NPM_TOKEN: "${{ secrets.NPM_TOKEN }}" }
```

## Fix

Give the secret to the step that needs it, in a job without an agent.

## Limits

Keys of models and the job's own token are told apart by their names.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("agent-secrets", "secrets in an agent's reach", Severity.MEDIUM, Confidence.MEDIUM)
_SECRET = re.compile(r"\$\{\{\s*secrets\.([A-Za-z_]\w*)\s*\}\}|\$\{\{\s*toJSON\(secrets\)\s*\}\}|secrets:\s*inherit")
_OWN = re.compile(
    r"^GITHUB_TOKEN$|ANTHROPIC|CLAUDE|OPENAI|CODEX|GEMINI|GOOGLE_API|VERTEX|BEDROCK|OPENROUTER|MODEL|LLM|AZURE_OPENAI|MISTRAL|GROQ|DEEPSEEK|APP_ID|APP_PRIVATE_KEY|OPENCODE|QWEN|DASHSCOPE|CURSOR|COPILOT|FACTORY|AMP_",
    re.IGNORECASE,
)


def check(project: Project) -> Iterator[Finding]:
    """Yield secrets that reach a step, its job or its workflow by environment or input."""
    for step in project.agents:
        spans = [(step.step.start, step.step.end)]
        for holder in (step.job, step.workflow):
            env = holder.get("env")
            if env is not None:
                spans.append((env.start, env.end))
        for start, end in spans:
            for match in _SECRET.finditer(step.source.text, start, end):
                if match[1] is None or not _OWN.search(match[1]):
                    yield RULE.at(
                        step.source,
                        *match.span(),
                        f"the agent can read and print {'every secret' if match[1] is None else match[1]}",
                        subject=f"{step.job_name} {match[1]}",
                        severity=Severity.HIGH if match[1] is None or step.reachable() else None,
                    )
