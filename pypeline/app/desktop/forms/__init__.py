"""Forms made from what a module type says of its config: one editor for each shape of value."""
