"""``nucleus demo``: a hostile agent in a throw-away world, with and without mediation.

``stage``   the world: a repository, its bare remote, listeners, a home with secrets
``agent``   the agent: tries each attack by every way it has, and reports what it got
``show``    runs the agent twice, looks at the sinks, prints one table

Nothing leaves loopback, nothing outside of a temporary directory is touched.
"""
