"""Alembic's scripts: how the tables came to be, one revision after the other."""
