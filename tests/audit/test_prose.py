"""Everything that a model will read as words."""

from nucleus.audit.prose import texts
from tests.audit.printed import project_of


def test_instructions_descriptions_and_prompts_are_texts() -> None:
    project = project_of(
        {
            "AGENTS.md": "words",
            "server.py": 'from mcp import x\n@mcp.tool()\ndef add():\n    """Add."""\n',
            ".github/workflows/a.yml": "jobs:\n  a:\n    steps:\n      - run: claude -p 'fix it'\n",
            ".mcp.json": "{}",
        }
    )
    found = [(source.path, source.text[start:end], where) for source, start, end, where in texts(project)]
    assert found == [
        ("AGENTS.md", "words", "this text"),
        ("server.py", '"""Add."""', "the description of tool 'add'"),
        (".github/workflows/a.yml", "claude -p 'fix it'", "this prompt"),
    ]
