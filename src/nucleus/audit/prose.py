"""Everything that a model will read as words: instructions, prompts of workflows, descriptions of tools."""

from collections.abc import Iterator

from nucleus.audit.project import Project
from nucleus.audit.text import Source


def texts(project: Project) -> Iterator[tuple[Source, int, int, str]]:
    """Yield source, start, end and what it is, of each text."""
    for document in project.of("instructions", "prose"):
        yield document.source, 0, len(document.source.text), "this text"
    for found in project.sources:
        for description in found.descriptions:
            name = f" of tool '{description.name}'" if description.name else ""
            yield found.source, description.start, description.end, f"the description{name}"
    for step in project.agents:
        for node in step.prompts():
            if node.kind == "string":
                yield step.source, node.start, node.end, "this prompt"
