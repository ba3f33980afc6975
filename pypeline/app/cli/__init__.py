"""The pype command: one command, one file."""
