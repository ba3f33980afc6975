"""Modules that transform tables."""
