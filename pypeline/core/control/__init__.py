"""The workers behind :mod:`pypeline.core.state`: tasks, orders of control links, failures, halts."""
