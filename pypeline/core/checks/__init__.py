"""The workers behind :mod:`pypeline.core.check`: one kind of mistake a file."""
