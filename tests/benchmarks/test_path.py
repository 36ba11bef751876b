"""The path of a request through the package."""

from benchmarks.path import CallRecorder
from moderation.domain.thresholds import Thresholds, Verdict, decide
from moderation.features.normalize import normalized


def test_functions_are_recorded_once_by_file_without_the_computation() -> None:
    """Neither the standard library, nor `features/`, nor a call outside the recording counts."""
    recorder = CallRecorder()

    def call() -> list[Verdict]:
        thresholds = Thresholds(0.5, 0.6, 0.7)
        normalized("Ａ text")
        return [decide(probability, thresholds) for probability in (0.1, 0.9)]

    with recorder.installed():
        path = recorder.record(call)
        Thresholds(0.1, 0.2, 0.3)
    assert path.functions == {"domain/thresholds.py": ["Thresholds.__post_init__", "decide"]}
    assert path.count == 2
    assert str(path) == "  domain/thresholds.py: Thresholds.__post_init__, decide"
