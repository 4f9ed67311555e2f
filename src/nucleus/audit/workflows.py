"""CI workflows that run agents: who can start them, what they are told, what they hold."""

import re
from collections.abc import Iterator
from typing import final

from nucleus.audit.node import MAP, SEQ, STRING, Node
from nucleus.audit.text import Source
from nucleus.lean import dataclass, field

AGENT_ACTION = re.compile(
    r"(?:claude-code(?:-base)?-action|claude[\w-]*action|run-gemini-cli|gemini[\w-]*action|codex-action|openai/codex|opencode(?:/github)?|aider[\w-]*|qwen[\w-]*action|cursor[\w-]*action|copilot[\w-]*agent|goose[\w-]*action|openhands[\w-]*|swe-agent|auggie|droid-action|amp-action|kilocode|cline[\w-]*action|ai-inference|junie[\w-]*)(?:[/@]|$)",
    re.IGNORECASE,
)
AGENT_COMMAND = re.compile(
    r"^[ \t]*(?:[A-Z_]\w*=\S+[ \t]+|sudo[ \t]+|npx[ \t]+(?:-y[ \t]+|--yes[ \t]+)?|bunx[ \t]+|uvx[ \t]+|timeout[ \t]+\S+[ \t]+|[\w.{}\"'-]*=?\$\(|cat[ \t][^|\n]*\|[ \t]*|echo[ \t][^|\n]*\|[ \t]*)*"  # noqa: E501  one pattern or table row, one line
    r"(?!\S{1,80}[ \t]+(?:--version|--help|-v|-V|-h)\b)(?:(?:@anthropic-ai/)?claude(?:-code)?(?:@\S+)?(?=[ \t]+(?:-|[\"'/]))|(?:@openai/)?codex(?:@\S+)?[ \t]+(?:exec\b|e\b|--)|(?:@google/)?gemini(?:-cli)?(?:@\S+)?[ \t]+-|opencode[ \t]+run|aider[ \t]+-|cursor-agent[ \t]|copilot[ \t]+-|goose[ \t]+run|amp[ \t]+-|qwen[ \t]+-|crush[ \t]+run|openhands[ \t]+-|llm[ \t]+-|droid[ \t]+exec|auggie[ \t]+-)",  # noqa: E501  one pattern or table row, one line
    re.MULTILINE,
)
BYPASS_FLAG = re.compile(
    r"--dangerously-skip-permissions|--dangerously-bypass-approvals-and-sandbox|--allow-dangerously-skip-permissions|--permission-mode[= ]+[\"']?bypassPermissions|(?<![\w-])--yolo(?![\w-])|--approval-mode[= ]+[\"']?yolo|--yes-always|--allow-all-tools|--dangerously-allow-all|--sandbox[= ]+[\"']?danger-full-access|approval_policy\s*=\s*[\"']?never[\"']?\s+.*danger-full-access|--skip-permissions-unsafe|--trust-all-tools",  # noqa: E501  one pattern or table row, one line
)
STRANGER_EVENTS = frozenset({
    "issues", "issue_comment", "pull_request_target", "pull_request_review", "pull_request_review_comment", "discussion",  # noqa: E501  one pattern or table row, one line
    "discussion_comment", "fork", "watch", "gollum",
})  # fmt: skip
"""Events that anybody on the internet can cause, run with the repository's own token."""
UNTRUSTED_TEXT = re.compile(
    r"\$\{\{(?:(?!\}\}).){0,300}?(?:github\.event\.(?:issue\.(?:title|body)|pull_request\.(?:title|body|head\.(?:ref|label|repo\.default_branch))|comment\.body|review\.body|review_comment\.body|discussion\.(?:title|body)|head_commit\.message|commits\b|pages\b|workflow_run\.(?:head_branch|head_commit\.message|pull_requests)|client_payload)|github\.head_ref)(?:(?!\}\}).){0,300}\}\}"
)
_GUARD = re.compile(
    r"author_association|github\.actor\s*[!=]=|github\.triggering_actor|\.user\.login\s*[!=]=|\.sender\.login\s*[!=]=|head\.repo\.full_name\s*==|head\.repo\.fork|fromJSON\(|permission|collaborator|sender\.type|is[-_]?member|team",
    re.IGNORECASE,
)
_TOOL_INPUTS = (
    "allowed_tools",
    "allowedtools",
    "settings",
    "claude_args",
    "codex_args",
    "args",
    "disallowed_tools",
    "tools",
    "allow_tools",
)
_TOOL_LIST = re.compile(r"--allowed-?[tT]ools?[= ]+(\"[^\"]*\"|'[^']*'|[^\n]*)|--allow-tool[= ]+(\S+)")
_TOOL_JSON = re.compile(r"[\"'](?:core|coreTools|allow|allowedTools|allowed)[\"']\s*:\s*\[([^\]]{0,4000})\]")


@final
@dataclass(slots=True, eq=False)
class AgentStep:
    """One step of a workflow that runs an agent."""

    source: Source
    workflow: Node
    job_name: str
    job: Node
    step: Node
    place: Node
    """``uses`` or ``run``: where a finding about the whole step stands."""
    action: str
    """The action, empty where a command is run."""
    triggers: dict[str, Node] = field(default_factory=dict)
    inputs: Node | None = None

    def text(self) -> str:
        """Return the step as written."""
        return self.source.text[self.step.start : self.step.end]

    def input(self, *names: str) -> Node | None:
        """Return the first input that is given, whatever mix of dashes and underscores."""
        for name in names:
            for key, value in self.inputs.entries() if self.inputs is not None else ():
                if str(key.value).lower().replace("-", "_") == name.replace("-", "_"):
                    return value
        return None

    def prompts(self) -> "list[Node]":
        """Return what the agent is told."""
        found = [
            self.input(name)
            for name in (
                "prompt",
                "direct_prompt",
                "custom_instructions",
                "override_prompt",
                "user_prompt",
                "instructions",
                "message",
                "task",
                "append_system_prompt",
                "system_prompt",
            )
        ]
        nodes = [node for node in found if node is not None]
        return [*nodes, self.place] if not self.action else nodes

    def permissions(self) -> tuple[dict[str, str], Node | None]:
        """Return the token's permissions and where they are written; empty where the repository's default holds."""
        for holder in (self.job, self.workflow):
            node = holder.get("permissions")
            if node is not None:
                if node.kind == STRING:
                    return {"*": node.text()}, node
                return {str(key.value): value.text() for key, value in node.entries()}, node
        return {}, None

    def can_write(self) -> "list[str]":
        """Return what the token can write; ``*`` for everything. An identity token is no writing."""
        granted, node = self.permissions()
        if node is None:
            return ["*"]
        if granted.get("*") == "write-all":
            return ["*"]
        return sorted(name for name, level in granted.items() if level == "write" and name not in {"id-token", "*"})

    def stranger_events(self) -> "list[str]":
        """Return the triggers that anybody can cause."""
        return [name for name in self.triggers if name in STRANGER_EVENTS]

    def guarded(self) -> bool:
        """Whether a condition of the job or step looks at who caused the event, or a job before it does."""
        texts = [node.text() for node in (self.job.get("if"), self.step.get("if")) if node is not None]
        needs = self.job.get("needs")
        jobs = self.workflow.get("jobs")
        for name in needs.strings() if needs is not None else []:
            needed = jobs.get(name.text()) if jobs is not None else None
            if needed is not None:
                texts.append(self.source.text[needed.start : needed.end])
        return any(_GUARD.search(text) for text in texts)

    def open_to_all(self) -> Node | None:
        """Return the input that switches off the action's own check of who may start it."""
        for name in ("allowed_non_write_users", "allow_users", "allowed_users"):
            node = self.input(name)
            if node is not None and node.text().strip() == "*":
                return node
        return None

    def checks_actor(self) -> bool:
        """Whether the action itself refuses people without write access: documented of two."""
        known = re.search(r"claude-code-action|codex-action", self.action) is not None
        return known and self.open_to_all() is None

    def reachable(self) -> bool:
        """Whether a stranger can make this step run."""
        return bool(self.stranger_events()) and not self.guarded() and not self.checks_actor()

    def tool_lists(self) -> "list[tuple[Node, str]]":
        """Return where the agent's tools are limited, and the list as text."""
        found: list[tuple[Node, str]] = []
        for name in _TOOL_INPUTS:
            node = self.input(name)
            if node is None or node.kind != STRING:
                continue
            if "tools" in name and "disallowed" not in name and not name.endswith("args"):
                found.append((node, node.text()))
            found.extend(
                (node, (match[1] or match[2] or "").strip("\"'")) for match in _TOOL_LIST.finditer(node.text())
            )
            found.extend(
                (node, ",".join(re.findall(r"[\"']([^\"']+)[\"']", match[1])))
                for match in _TOOL_JSON.finditer(node.text())
            )
        if not self.action:
            found.extend(
                (self.place, (match[1] or match[2] or "").strip("\"'"))
                for match in _TOOL_LIST.finditer(self.place.text())
            )
        return found


def triggers_of(root: Node) -> "dict[str, Node]":
    """Return the events of a workflow, each with where it is written."""
    on = root.get("on")
    if on is None:
        return {}
    if on.kind == STRING:
        return {on.text(): on}
    if on.kind == SEQ:
        return {node.text(): node for node in on.strings()}
    return {str(key.value): key for key, _ in on.entries()}


def steps_of(root: Node) -> "Iterator[tuple[str, Node, Node]]":
    """Yield job name, job and step of a workflow; of a composite action the steps of ``runs``."""
    for key, job in (root.get("jobs") or Node(MAP, None, 0, 0)).entries():
        steps = job.get("steps")
        for step in steps.elements() if steps is not None else []:
            if step.kind == MAP:
                yield str(key.value), job, step
    runs = root.get("runs")
    if runs is not None:
        composite = runs.get("steps")
        for step in composite.elements() if composite is not None else []:
            if step.kind == MAP:
                yield "runs", runs, step


def agent_steps(source: Source, root: Node) -> "list[AgentStep]":
    """Return the steps that run an agent."""
    found: list[AgentStep] = []
    triggers = triggers_of(root)
    for name, job, step in steps_of(root):
        uses, run = step.get("uses"), step.get("run")
        if uses is not None and AGENT_ACTION.search(uses.text()):
            found.append(AgentStep(source, root, name, job, step, uses, uses.text(), triggers, step.get("with")))
        elif run is not None and AGENT_COMMAND.search(_uncommented(run.text())):
            found.append(AgentStep(source, root, name, job, step, run, "", triggers, step.get("with")))
    return found


def _uncommented(text: str) -> str:
    return re.sub(r"(?m)^[ \t]*#.*$", "", text)
