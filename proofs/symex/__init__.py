"""A small symbolic executor for the kernel's subset of Python.

A function is called, unchanged, with ``SymInt`` in place of ints. Where it
asks for the truth of a symbolic comparison, the executor picks a side that is
possible, notes the choice, and later calls the function again for the other
side, until no side is left. Whatever a SymInt can't do faithfully (hash,
index, format, multiply, compare with a str ...) is a trap that ends the
exploration: never a silent answer.

``values``   the symbolic int and bool
``explore``  the paths of one function
``solve``    obligations: z3 discharges, Bitwuzla confirms
"""
