"""How many inputs a test sends over HTTP: a share of the profile's.

Only test modules may import this one: pytest loads a conftest.py before it has chosen the profile.
"""

from hypothesis import settings

_IN_PROFILE = settings().max_examples
HALF = settings(max_examples=_IN_PROFILE // 2)
"""For a test that runs on two databases."""
FEW = settings(max_examples=max(20, _IN_PROFILE // 40))
"""For a test that runs on two databases for each operation of the OpenAPI document."""
