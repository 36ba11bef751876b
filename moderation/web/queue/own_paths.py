"""The paths of the queue's own pages, to which a form or a sign-in may lead."""

import re

from moderation.domain.queue import ListName, Order

_LISTS = "|".join(ListName)
# A query as a browser or `url_for` writes it. Its code points may take twelve characters each.
_QUERY = r"q=[A-Za-z0-9%+._~!*'()$,:;@/?-]{0,6000}"
_FIELDS = rf"after=[0-9a-f]{{1,600}}|skipped=1|mine=1|facets=1|order=(?:{'|'.join(Order)})|{_QUERY}"
_PAGES = rf"{_LISTS}|account|acts|agreement|log|sweep|campaigns(?:/[0-9a-f]{{16}})?|comments/[0-9a-f]{{1,40}}"
_OWN_PATH = re.compile(rf"/queue(?:/(?:{_PAGES}))?(?:\?(?:{_FIELDS})(?:&(?:{_FIELDS})){{0,4}})?")


def own_path(path: str) -> str:
    """Return a path with its query if it is a page of the queue, else an empty text: none leads to another host."""
    return path if _OWN_PATH.fullmatch(path) else ""
