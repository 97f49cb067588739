"""Use cases: the only glue between rooms and store."""
