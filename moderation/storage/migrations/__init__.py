"""How the tables came to be: Alembic's environment, and a script for each revision."""
