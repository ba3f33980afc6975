"""The file: models, strict reader, byte-preserving writer, problems. Text in, text out."""
