"""Tables on DuckDB and Arrow: locked connections, fused segments, previews, artifacts."""
