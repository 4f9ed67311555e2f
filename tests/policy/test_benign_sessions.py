"""Ordinary sessions are refused nothing that they need, and ask within their budget of questions."""

from typing import Any

import pytest

from nucleus.kernel.decide import ASK, DENY
from nucleus.policy.labels import LabelStore
from tests.policy.journeys import Journey, context_of, load, locks_of, policy_of
from tests.policy.test_labels import Memory

SESSIONS = load("benign.jsonl")


def own(
    profile: str, most: int, task: str, *steps: tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], str]
) -> dict[str, Any]:
    """Return a session of our own: each step is an op, its arguments, and who named its destination."""
    listed = [
        {
            "n": n,
            "actor": "task",
            "op": step[0],
            "args": step[1],
            "authority_origin": step[2] if len(step) > 2 else None,
        }
        for n, step in enumerate(steps, 1)
    ]
    return {"id": task[:24], "profile": profile, "user_task": task, "steps": listed, "max_approvals": most}


OWN = [
    own(
        "safe_pr_fixer",
        1,
        "Bump httpx and fix what breaks",
        ("fs.read", {"path": "pyproject.toml"}),
        ("fs.write", {"path": "pyproject.toml"}),
        ("pkg.install", {"lock": "uv.lock"}, "config"),
        ("proc.exec", {"argv": ["make", "test"]}),
        ("fs.write", {"path": "app/client.go"}),
        ("git.commit", {"paths": ["."]}),
        ("gh.pr.create", {"repo": "acme/app", "base": "main"}, "config"),
    ),
    own(
        "safe_pr_fixer",
        1,
        "Answer the review of pull request 12",
        ("gh.pr.read", {"repo": "acme/app", "n": 12}, "prompt"),
        ("fs.edit", {"path": "src/a.ts"}),
        ("proc.exec", {"argv": ["npm", "test"]}),
        ("git.commit", {}),
        ("git.push", {"remote": "origin", "branch": "fix-12"}, "config"),
    ),
    own(
        "doc_editor",
        0,
        "Fix typos in the guide and push to docs-typos",
        ("fs.list", {"path": "docs"}),
        ("fs.read", {"path": "docs/guide.md"}),
        ("fs.edit", {"path": "docs/guide.md"}),
        ("git.diff", {}),
        ("git.commit", {"paths": ["docs"]}),
        ("git.push", {"remote": "origin", "branch": "docs-typos"}, "prompt"),
    ),
    own(
        "test_runner",
        0,
        "Install from the lock and run the tests with coverage",
        ("pkg.install", {"lock": "requirements.lock"}, "config"),
        ("proc.exec", {"argv": ["pytest", "--cov=app", "-q"]}),
        ("fs.write", {"path": "reports/summary.txt"}),
        ("fs.search", {"q": "Error"}),
    ),
    own(
        "triage_bot",
        0,
        "Label the new issues of acme/app as bug or question",
        ("gh.issue.list", {"repo": "acme/app"}, "prompt"),
        ("fs.read", {"path": "README.md"}),
        ("gh.label.add", {"repo": "acme/app", "n": 4, "labels": ["bug"]}, "prompt"),
        ("gh.label.add", {"repo": "acme/app", "n": 5, "labels": ["question"]}, "prompt"),
    ),
    own(
        "code_review",
        1,
        "Review merge request 4",
        ("gl.mr.read", {"n": 4}, "prompt"),
        ("git.checkout", {"pr": 4}),
        ("fs.grep", {"path": "src", "q": "eval"}),
        ("proc.exec", {"argv": ["cargo", "test"]}),
        ("gl.review.create", {"n": 4}, "prompt"),
    ),
    own(
        "codegen",
        0,
        "Add a parser with tests",
        ("fs.glob", {"pattern": "**/*.py"}),
        ("fs.write", {"path": "src/parser.py"}),
        ("fs.write", {"path": "tests/test_parser.py"}),
        ("fs.write", {"path": "tests/conftest.py"}),
        ("proc.exec", {"argv": ["python3", "-m", "pytest"]}),
        ("git.commit", {}),
    ),
    own(
        "release",
        1,
        "Release v2.1.0: changelog, tag and push v2.1.0",
        ("git.log", {}),
        ("fs.write", {"path": "CHANGELOG.md"}),
        ("fs.write", {"path": "VERSION"}),
        ("git.commit", {}),
        ("git.tag", {"name": "v2.1.0"}),
        ("git.push", {"remote": "origin", "tag": "v2.1.0"}, "prompt"),
    ),
    own(
        "research_web",
        0,
        "Collect what is known about rate limits into notes/limits.md",
        ("web.search", {"q": "rate limit algorithms"}, "tool"),
        ("net.fetch", {"url": "https://blog.example.net/a?page=2"}, "web"),
        ("fs.write", {"path": "notes/limits.md"}),
        ("fs.read", {"path": "notes/limits.md"}),
        ("net.fetch", {"url": "https://other.example.net/b"}, "web"),
        ("fs.edit", {"path": "notes/limits.md"}),
    ),
    own(
        "read_only",
        0,
        "Where is the retry logic?",
        ("fs.search", {"q": "retry"}),
        ("git.log", {"path": "src/retry.py"}),
        ("git.diff", {}),
    ),
    own(
        "local_dev",
        0,
        "Start the server and see whether it answers",
        ("proc.exec", {"argv": ["make", "serve"]}),
        ("net.fetch", {"url": "http://localhost:8000/health"}),
        ("proc.exec", {"argv": ["curl", "-s", "http://localhost:8000/health"]}),
        ("fs.write", {"path": "config/dev.yaml"}),
    ),
]
"""Ordinary sessions of every profile, beside the recorded ones: the class, not the sample."""
EVERY = [*SESSIONS, *OWN]
OVER_ALLOWED = 2
"""Sessions that may ask more than their budget: each of them is printed."""


def driven(session: dict[str, Any]) -> Journey:
    """Return the session after all its steps."""
    journey = Journey(
        session,
        policy_of(session, session["profile"]),
        context_of(locks=locks_of(session), labels=LabelStore(Memory())),
    )
    journey.drive()
    return journey


@pytest.mark.parametrize("session", EVERY, ids=lambda session: session["id"])
def test_a_session_is_refused_no_step_under_its_profile(session: dict[str, Any]) -> None:
    refused = [(one.call.kind, one.names, one.facts.why) for one in driven(session).seen if one.verdict == DENY]
    assert refused == []


def test_sessions_ask_within_their_budget_of_questions() -> None:
    """All but two at most; the table says which questions each one asks."""
    over = []
    print(f"\n{'session':8} {'profile':14} {'asked':>5} {'may':>4}  questions")
    for session in EVERY:
        asked = [one for one in driven(session).seen if one.verdict == ASK]
        questions = "; ".join(f"{one.call.kind} {one.facts.destination} ({one.names})" for one in asked) or "-"
        print(f"{session['id']:8} {session['profile']:14} {len(asked):5} {session['max_approvals']:4}  {questions}")
        if len(asked) > session["max_approvals"]:
            over.append(session["id"])
    assert len(over) <= OVER_ALLOWED, over


@pytest.mark.parametrize("session", OWN, ids=lambda session: session["id"])
def test_our_own_sessions_ask_within_their_budget(session: dict[str, Any]) -> None:
    asked = [(one.call.kind, one.names, one.facts.why) for one in driven(session).seen if one.verdict == ASK]
    assert len(asked) <= session["max_approvals"], asked


@pytest.mark.skipif(not SESSIONS, reason="../shared is not beside the project")
def test_the_owners_words_are_what_makes_a_fetch_silent() -> None:
    """The same session without the prompt asks: the verdict comes from the words, not from the address."""
    prompted = [
        one for one in SESSIONS if any(step["args"].get("url", "\0") in one["user_task"] for step in one["steps"])
    ]
    assert prompted
    for session in prompted:
        before, after = (
            [one.verdict for one in driven(each).seen].count(ASK)
            for each in (session, {**session, "user_task": "Do it"})
        )
        assert after > before
