"""The desktop window: where document, runner and canvas meet."""
