"""What the kernel should do, in a vocabulary of its own.

Nothing here may import the product: the words, the tables and the constants
are written again from the design, so that a wrong constant in the kernel
can't prove itself right (``lint`` checks the imports). Each formula works on
ints and on solver terms alike, so that a counterexample can be replayed.

``logic``     and, or, if, bits: for ints and for terms
``words``     capabilities, levels, exposure, sinks, as named parts
``verdicts``  rules, floors, the verdict, the next state
``children``  delegation, absorbing, tightening
"""
