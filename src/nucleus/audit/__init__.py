"""The static auditor of agent configurations: no process, no socket, no import of what it reads.

Modules, in the order to read them:

``text``       a source text, its lines, and what of it must never be printed
``node``       a tree of values that know where they stand
``read``       JSON with comments, TOML, YAML: text to tree, or a problem with its place
``model``      severity, confidence, persona, finding, fix
``discover``   which file belongs to which client
``project``    the files of one run, and everything that rules ask of them
``servers`` ``permissions`` ``hooks`` ``workflows`` ``containers`` ``sources``
               one shape for what clients spell in many ways
``legs``       what a server can see and send, in the kernel's terms
``rules``      one file per rule; its docstring is its documentation page
``engine``     runs the rules; suppressions, baseline, order, fingerprints
``output``     one file per format
``fixes``      edits that keep comments and order
``suggest``    the smallest profile that breaks the three legs, checked by the kernel
``importers``  settings of other tools to a ``nucleus.toml``
"""
