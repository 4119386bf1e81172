"""Sample generator: believable nightly dumps in the raw schema, as large as asked for."""
