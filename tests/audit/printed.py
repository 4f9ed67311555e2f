"""What one rule prints about some files: the findings as text, without the summary."""

from pathlib import Path

from nucleus.audit import discover
from nucleus.audit.engine import audit
from nucleus.audit.model import Persona
from nucleus.audit.output import text
from nucleus.audit.project import Project, finish
from nucleus.audit.settings import Settings
from nucleus.audit.text import Source

NOWHERE = Path("/nowhere")


def project_of(files: dict[str, str], root: Path = NOWHERE) -> Project:
    """Return a project of files that exist in memory only."""
    project = Project(root)
    for path, content in files.items():
        project.add(Source(path, content), discover.named(path))
    finish(project)
    return project


def printed(rule: str, files: dict[str, str], root: Path = NOWHERE) -> str:
    """Return the printed findings of one rule, for the persona that hears everything."""
    result = audit(project_of(files, root), Settings(persona=Persona.AUDITOR))
    result.findings = [finding for finding in result.findings if finding.rule.id == rule]
    return "\n".join(text.blocks(result))
