"""Nucleus: no external side effect unless mediated and authorised by a policy that only tightens."""
