"""Modules that work without tables."""
