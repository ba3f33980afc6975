"""The panels around the canvas: each shows the document and its session, and edits through the document."""
