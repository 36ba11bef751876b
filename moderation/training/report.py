"""The HTML report of an evaluation: one file without scripts and without requests to other hosts.

Comments are hostile. They are escaped and shortened, invisible characters are shown as code points, and no address
becomes a link. The report is meant for the operator alone; nothing here stores it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from moderation.domain.comment import Comment
from moderation.domain.decision import Reason
from moderation.domain.invisible import code_point_mark, show_invisible
from moderation.domain.thresholds import Verdict, decide
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.model import score
from moderation.scoring.reasons import describe, strongest
from moderation.training import evaluation, slices
from moderation.training.corpus import Corpus
from moderation.training.evaluation import ScoredCorpus
from moderation.training.plots import comparison_plots, probability_histogram

_MAX_COMMENTS_SHOWN = 20
_MAX_REASONS = 3
_MAX_TEXT_LENGTH = 1500
_MAX_FIELD_LENGTH = 200
_FIELD_TITLES = {"author": "author", "url": "address", "email": "e-mail", "context": "page", "permalink": "at"}
_CODE_POINT_MARK = Markup('<span class="invisible-character">{}</span>')


@dataclass(frozen=True, slots=True)
class CommentView:
    """A comment in the report, with its predictions (model id, probability, verdict) and reasons."""

    id: str
    source: str
    label: str
    comment: Comment
    predictions: Sequence[tuple[str, float, Verdict]]
    reasons: Sequence[Reason]

    def fields(self) -> list[tuple[str, str]]:
        """Return title and value of each field that is not empty, without the text."""
        titled = ((title, getattr(self.comment, name)) for name, title in _FIELD_TITLES.items())
        return [(title, value) for title, value in titled if value]


def render(corpus: Corpus, models: Sequence[ScoredCorpus], champion: str | None = None) -> str:
    """Render the report as HTML. The same corpus and models give the same text.

    The other models are compared with the model of the id `champion`, or with the first if there is none of this id.
    Any number of comments is enough; the report names the plots that cannot be drawn.
    """
    baseline = next((scored for scored in models if scored.model.id == champion), models[0])
    others = [scored for scored in models if scored is not baseline]
    environment = Environment(
        loader=PackageLoader("moderation.training", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": _visible, "percent": _format_percent, "describe": describe}
    return environment.get_template("report.html").render(
        corpus=corpus,
        spam=int(corpus.spam.sum()),
        ham=int((~corpus.spam).sum()),
        models=[scored.model for scored in models],
        metrics=_metrics_by_name(corpus, models),
        plots=comparison_plots(models, corpus.spam),
        sections=[_model_section(corpus, scored) for scored in models],
        comparisons=[_comparison(corpus, baseline, other) for other in others],
        verdicts=tuple(Verdict),
        min_count_without_interval=slices.MIN_COUNT_WITHOUT_INTERVAL,
        max_text_length=_MAX_TEXT_LENGTH,
    )


def _metrics_by_name(corpus: Corpus, models: Sequence[ScoredCorpus]) -> Mapping[str, list[float | None]]:
    """Return a value for each model by the name of the metric, `None` where a model has none."""
    columns = [evaluation.metrics(scored.probabilities, corpus.spam, scored.model.thresholds) for scored in models]
    names = dict.fromkeys(name for column in columns for name in column)
    return {name: [column.get(name) for column in columns] for name in names}


def _model_section(corpus: Corpus, scored: ScoredCorpus) -> dict[str, Any]:
    """Return the template variables of one model's section."""
    severities = scored.verdicts()
    highest_scoring_ham = evaluation.highest_scoring_ham(corpus, scored, _MAX_COMMENTS_SHOWN)
    lowest_scoring_spam = evaluation.lowest_scoring_spam(corpus, scored, _MAX_COMMENTS_SHOWN)
    return {
        "model": scored.model,
        "histogram": probability_histogram(scored, corpus.spam),
        "total": slices.all_comments(corpus, severities),
        "slices": {
            "source": slices.by_source(corpus, severities),
            "language": slices.by_language(corpus, severities),
            "length in characters": slices.by_length(corpus, severities),
        },
        "highest_scoring_ham": [_comment_view(corpus, position, scored) for position in highest_scoring_ham],
        "lowest_scoring_spam": [_comment_view(corpus, position, scored) for position in lowest_scoring_spam],
    }


def _comparison(corpus: Corpus, champion: ScoredCorpus, candidate: ScoredCorpus) -> dict[str, Any]:
    """Return the template variables of a comparison."""
    changes = evaluation.verdict_changes(champion, candidate, corpus.spam)
    disagreements = evaluation.disagreements(corpus, champion, candidate, _MAX_COMMENTS_SHOWN)
    return {
        "champion": champion.model,
        "candidate": candidate.model,
        "confusion_matrices": {
            name: evaluation.confusion_matrix(champion, candidate, mask).tolist()
            for name, mask in (("ham", ~corpus.spam), ("spam", corpus.spam))
            if mask.any()
        },
        "better": int((changes > 0).sum()),
        "worse": int((changes < 0).sum()),
        "disagreements": [_comment_view(corpus, position, champion, candidate) for position in disagreements],
    }


def _comment_view(corpus: Corpus, position: int, *models: ScoredCorpus) -> CommentView:
    """Return a comment with each model's prediction. For a single model, add the reasons against the label."""
    comment, spam = corpus.comments[position], bool(corpus.spam[position])
    reasons: Sequence[Reason] = ()
    if len(models) == 1:
        reasons = score(models[0].model.for_site(corpus.site_url(position)), ParsedComment(comment)).reasons
    predictions = []
    for scored in models:
        probability = float(scored.probabilities[position])
        predictions.append((scored.model.id, probability, decide(probability, scored.model.thresholds)))
    return CommentView(
        corpus.ids[position],
        corpus.source_files[corpus.sources[position]].source,
        "spam" if spam else "ham",
        comment,
        predictions,
        strongest(reasons, 0 if spam else _MAX_REASONS, _MAX_REASONS if spam else 0),
    )


def _visible(text: str, max_length: int = _MAX_FIELD_LENGTH) -> Markup:
    """Return hostile text escaped, cut to `max_length` characters, with invisible characters as code points."""
    escaped = Markup.escape(text[:max_length].replace("\r\n", "\n"))
    shown = Markup(show_invisible(escaped, _code_point_markup, keep="\n\t"))
    if len(text) > max_length:
        shown += Markup('<span class="quiet"> … {:,} characters more</span>').format(len(text) - max_length)
    return shown


def _code_point_markup(char: str) -> Markup:
    return _CODE_POINT_MARK.format(code_point_mark(char))


def _format_percent(rate: float) -> str:
    return f"{100 * rate:.2f} %"
