"""Modules that take tables out."""
