"""The ids of the default model that the project ships."""

import json
from pathlib import Path

# A checkout may have models with other names too.
(_FOLDER,) = (Path(__file__).parent.parent / "models").glob("default-*")
SHIPPED_MODEL_ID = _FOLDER.name
ALONE_MODEL_ID: str = json.loads((_FOLDER / "card.json").read_text("utf-8"))["reader"]["alone"]
"""The id under which it judges without its second reader, as after an installation without the extra."""
