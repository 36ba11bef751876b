"""The speed benchmark."""

from benchmarks.speed import _clear_caches, cached_functions, word_caches
from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment


def test_all_caches_of_the_features_are_emptied() -> None:
    """A full cache would make our model look faster than it is for a new comment."""
    ParsedComment(Comment("See https://shop.example/watches", context="Watches and other clocks"))
    assert any(function.cache_info().currsize for function in cached_functions()) and any(word_caches())
    _clear_caches()
    assert not any(word_caches())
    assert not any(function.cache_info().currsize for function in cached_functions())
