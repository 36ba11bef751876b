"""Item numbers and return addresses as a browser sends them: checked before they are used."""

import re

LARGEST_ID = 2**31 - 1
"""What every database takes as a number of a row."""

_HOME = re.compile(r"/queue(?:\?(?:(?:before=[0-9]{1,10}|skipped=1|soon=1)&?){1,2})?")


def read_id(sent: str) -> int | None:
    """The item number that was sent, or `None` where it is none."""
    if not (sent.isascii() and sent.isdecimal() and len(sent) <= 10):
        return None
    return min(int(sent), LARGEST_ID)


def safe_place(sent: str, otherwise: str) -> str:
    """`sent` if it is a page of the queue, else `otherwise`: nobody is led to another host."""
    return sent if _HOME.fullmatch(sent) else otherwise
