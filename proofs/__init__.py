"""Proofs about the kernel, on the code that runs. Not part of the wheel.

Read in this order:

``lint``        keeps the kernel inside the subset that can be verified
``symex``       runs the kernel's own functions on symbolic ints, every path
``spec``        what the kernel should do, in other words than its own
``contracts``   code = spec, function by function
``properties``  what follows from the spec; one function for each claim
``controls``    plausible claims that are false, each refuted on real ints
``broken``      which claims a wrong kernel breaks, for the message
``mutants``     every small change of the kernel is caught, or proved harmless
``oracle``      an independent model; theorems about runs of any length
``cells``       the Python kernel equals the Coq model, cell by cell
``random_cases`` a million random requests against the Coq model's oracle
``formats``     trace records, policy files, frames, approvals, against plain references
``tokens``      tokens read from their bytes alone; ``token_cases`` presents them, honest and hostile
``frozen``      past counterexamples of the codecs, and the answers that they keep
``gate_model``  the gate's core, explored exhaustively to a stated depth
``prove``       runs all of it; ``python -m proofs`` prints one line of JSON last
``single``      one row of the claims page, run again: ``python -m proofs NAME``
``evidence``    what a complete run leaves behind in ``claims/``
"""
