"""Alembic's environment, and a script for each revision of the schema."""
