"""The network in training computes what the network in service computes, and learns."""

import jax
import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.reader.language_model import LanguageModel
from moderation.training.reader.encoder import Trainer, logits, to_network
from moderation.training.reader.pretrained import PretrainedWeights
from moderation.training.reader.recipe import ReaderRecipe
from moderation.training.reader.sequences import Sequences, tokenize
from tests.reader.tiny import write_pretrained

TEXTS = ["Buy cheap shoes", "Thanks, this helped me very much!", "casino " * 60, ""]
SPAM = np.array([True, False, True, False])


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> PretrainedWeights:
    return PretrainedWeights.from_folder(write_pretrained(tmp_path_factory.mktemp("base")))


def test_both_forms_of_the_network_agree(pretrained: PretrainedWeights) -> None:
    """Padding does not count, and whole numbers change little."""
    head = np.linspace(-1, 1, 2 * pretrained.sizes.width, dtype=np.float32)
    parameters = {**pretrained.parameters, "head": (head, np.float32(0.5))}
    comments = [Comment(text, author="Ann") for text in TEXTS]
    sequences = Sequences(tokenize(pretrained.vocabulary, comments), SPAM)
    found = logits(pretrained.sizes.heads, parameters, sequences.batch(range(4), pretrained.words))
    served = LanguageModel(to_network(pretrained.sizes, pretrained.words, parameters), pretrained.vocabulary)
    assert [served.read(ParsedComment(comment)) for comment in comments] == pytest.approx(
        np.asarray(found).tolist(), abs=0.1
    )


@pytest.mark.e2e
def test_the_loss_falls(pretrained: PretrainedWeights) -> None:
    """Four comments are learnt by heart."""
    recipe = ReaderRecipe(learning_rate=3e-3, dropout=0.0, label_smoothing=0.0, warmup=0.1)
    sequences = Sequences(tokenize(pretrained.vocabulary, [Comment(text) for text in TEXTS]), SPAM)
    batch = sequences.batch(range(4), pretrained.words)
    trainer = Trainer(pretrained.sizes, recipe, 40)
    parameters = jax.tree.map(jax.numpy.asarray, pretrained.parameters)
    state, losses = trainer.initial_state(parameters), []
    for number in range(40):
        parameters, state, loss = trainer.step(parameters, state, batch, jax.random.key(number))
        losses.append(float(loss))
    assert losses[0] == pytest.approx(np.log(2))
    assert losses[-1] < 0.05
