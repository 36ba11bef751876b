"""The id of the default model that the project ships."""

from pathlib import Path

(SHIPPED_MODEL_ID,) = (folder.name for folder in (Path(__file__).parent.parent / "models").glob("default-*"))
"""A checkout may have other models beside it."""
