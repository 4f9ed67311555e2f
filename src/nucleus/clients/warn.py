"""What editing one file does not change: servers elsewhere, and approvals that the client gives by itself."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from nucleus.audit.discover import named
from nucleus.audit.model import Finding
from nucleus.audit.project import Project
from nucleus.audit.rules import automatic_approval, bypass_mode, project_servers_enabled, whole_server_allowed
from nucleus.audit.text import Source, visible
from nucleus.clients import config
from nucleus.clients.layout import Unfit
from nucleus.clients.places import Place
from nucleus.clients.program import Program

RULES = (automatic_approval, bypass_mode, project_servers_enabled, whole_server_allowed)


def elsewhere(places: Iterable[Place], program: Program, resolve: config.Resolve) -> dict[str, list[str]]:
    """Return the names of the servers that are not behind the mediator, by file. What can't be read has one: ``?``."""
    found = {}
    for place in places:
        try:
            names = config.read(place.path.as_posix(), place.path.read_bytes()).bare(
                program, resolve, trusted=place.own
            )
        except (Unfit, OSError):
            names = ["?"]
        if names:
            found[place.shown] = [visible(name) for name in names]
    return found


def unasked(texts: Mapping[str, Source]) -> list[str]:
    """Return a line for each setting by which a tool runs without a question, in files by their shown path.

    The mediator asks all the same; but the client asks no more, and its own tools are not mediated.
    """
    project = Project(Path())
    for path, source in texts.items():
        project.add(source, named(path))
    found: list[Finding] = [finding for rule in RULES for finding in rule.check(project)]
    return [
        f"{finding.span.source.path}:{finding.span.source.position(finding.span.start)[0]}: {visible(finding.message)}"
        for finding in found
    ]
