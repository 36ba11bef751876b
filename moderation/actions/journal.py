"""What the service writes about its own work: one JSON line on standard error for each thing that went wrong."""

import json
import sys
import traceback
from datetime import datetime


def write_line(at: datetime, level: str, event: str, *, error: Exception | None = None, **facts: object) -> None:
    """Writes a line; no fact may be a key, an address or a comment's text. Of an error it tells the trace alone."""
    line = {**facts, "event": event, "level": level, "timestamp": at.isoformat()}
    if error is not None:
        line["exception"] = "".join(traceback.format_exception(error))
    # In one piece: other threads write here, too.
    sys.stderr.write(f"{json.dumps(line)}\n")
    sys.stderr.flush()
