"""The gate: the one place that joins kernel, policy and trace."""
