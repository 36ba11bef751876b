"""The one default model that the project ships."""

from pathlib import Path

(SHIPPED,) = (folder.name for folder in (Path(__file__).parent.parent / "models").glob("default-*"))
"""Its name; a checkout may have promoted other models beside it."""
