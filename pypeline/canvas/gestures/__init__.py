"""Gestures: one class from press to release. Each shows what would happen, then makes one undo step or none."""
