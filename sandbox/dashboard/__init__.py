"""The dashboards on a laptop: Superset on a DuckDB file of the lake's tables."""
