"""One line a finding."""

from nucleus.audit.output import concise
from tests.audit.output.reported import report


def test_one_line_a_finding_and_nothing_else() -> None:
    assert concise.render(report()).splitlines()[-1] == (
        ".mcp.json:3:61: low floating-package: server 'a|b`<i>\ufffd[31m' runs whatever version of this package is "
        "newest; name one: frobnicate@X.Y.Z"
    )
    assert len(concise.render(report()).splitlines()) == 5
