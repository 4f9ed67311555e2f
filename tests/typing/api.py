"""The public interface as a user writes it. Never run: it only has to type-check."""

from typing import assert_type

from nucleus import ApprovalRequired, NucleusError, PolicyDenied, Refused, Session, approve
from nucleus.tools import fs, git, net


def ten_lines() -> None:
    """Read, write, ask, push."""
    with Session(profile="safe_pr_fixer") as s:
        readme = fs.read("README.md")
        fs.write("README.md", readme + "\n")
        page = approve("fetch", net.fetch, "https://example.com")
        git.push("origin", "main")
        assert_type(s, Session)
        print(page.status, readme.upper(), s.exposure, s.budget)


def twins_children_and_refusals() -> str:
    """Use the session's own tools, a child, a function of one's own, and the fields of a refusal."""
    with Session(profile="read_only") as s:

        @s.tool(op="create_pr", destination="ticket 7")
        def close_ticket(number: int) -> bool:
            return number > 0

        assert_type(close_ticket(7), bool)
        with s.delegate(profile="read_only", calls=3) as child:
            child.fs.read("README.md")
        try:
            s.git.push("origin", "main")
        except ApprovalRequired as pending:
            return pending.id
        except PolicyDenied as refused:
            return f"{refused.code} {refused.rule} {refused.where} {refused.next_step} {refused.to_dict()}"
        except Refused as other:
            return other.message
        except NucleusError as error:
            return error.diagnostics()
    return ""
