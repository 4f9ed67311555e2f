"""One file per rule. The docstring of a file is the rule's page; ``check`` yields its findings.

Adding one: a module here with ``RULE`` and ``check``, a line in
``nucleus.audit.registry``, ``tests/audit/rules/test_<name>.py`` with the
printed text, and its page (``nucleus audit --explain ID``) as
``docs/audit/<id>.md``.
"""
