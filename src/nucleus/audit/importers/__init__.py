"""Settings of other tools to a ``nucleus.toml``: one file per tool, and ``draft`` for what they share.

Each module has ``fill(draft, root)``. What a policy can't say, or should not say
without a person, is a line of the report, never dropped.
"""
