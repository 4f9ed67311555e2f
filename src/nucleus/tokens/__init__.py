"""Attenuation tokens: authority that can be handed on, and only ever gets less.

``block``     what one block says, its one canonical text, and the strict reader of it
``grant``     what all blocks of a token give together: the kernel's own meet
``holder``    proof that a token is presented by whom it was made out to
``keys``      Ed25519 keys from files that nobody else can read
``token``     mint, attenuate, hand over, seal, inspect, verify: the signatures are Biscuit's

A signature says who wrote a block, never that anything is authorised. What is
authorised follows from ``token.verify`` alone: under roots, an audience, a
clock and a challenge that the *caller* supplies.
"""
