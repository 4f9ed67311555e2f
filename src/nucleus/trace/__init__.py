"""Traces: append-only, tamper-evident, replayable."""
