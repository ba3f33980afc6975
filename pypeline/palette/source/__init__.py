"""Modules that bring tables in."""
