"""The command `moderation`: its list of commands, and the exit code of each error."""

from errno import EPIPE
from importlib import import_module
from typing import Any

import click

from moderation import __version__
from moderation.cli._output import echo_status
from moderation.domain.errors import MAX_MESSAGE_LENGTH, ModerationError, error_mapping
from moderation.domain.invisible import quoted

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init:init", "Create the database, a first site and a first moderator."),
    "serve": ("serve:serve", "Run the service."),
    "worker": ("worker:worker", "Run the background jobs in another process than the service."),
    "backup": ("state:backup", "Save the database, the secret and the models while the service runs."),
    "restore": ("state:restore", "Put the state of a backup in place."),
    "purge": ("retention:purge", "Delete the contents of comments that their sites have kept long enough."),
    "privacy": ("privacy:privacy", "Show and erase all that is stored about a person."),
    "doctor": ("doctor:doctor", "Check the installation and say what to do."),
    "site": ("site:site", "Manage the sites that may send comments: keys, thresholds, budgets."),
    "token": ("token:token", "Manage tokens for parts of the API, which end by themselves."),
    "jobs": ("jobs:jobs", "Show the last runs of the background jobs."),
    "alarms": ("alarms:alarms", "Show which sites are unlike before, or lose too much ham."),
    "moderator": ("moderator:moderator", "Manage the people who may decide on held comments."),
    "webhook": ("webhook:webhook", "Manage the receivers of events: held comments, labels and alarms."),
    "check": ("judging:check", "Judge one comment and show the reasons."),
    "score": ("judging:score", "Judge a file of comments."),
    "train": ("training:train", "Train a model on labelled comments."),
    "train-reader": ("train_reader:train_reader", "Train a second reader for a model."),
    "retrain": ("retrain:retrain", "Train on the labels of all sites, beside the service."),
    "evaluate": ("training:evaluate", "Measure models on labelled comments."),
    "promote": ("models:promote", "Make a model the live one."),
    "rollback": ("models:rollback", "Go back to the previous live model."),
    "models": ("models:models", "List models and show their cards."),
    "replay": ("replay:replay", "Decide past comments again, by another model, thresholds or list."),
    "import": ("history:import_", "Import the comments that a blog has, as the history of a site."),
    "history": ("history:history", "Take a second look at imported comments that look like spam."),
    "list": ("lists:list_", "Keep lists of words, domains and mailboxes."),
    "author": ("author:author", "Trust and block authors by their id or role at the blog."),
    "log": ("log:log", "Export who did what at the queue, on the command line and at the blogs."),
    "labels": ("labels:labels", "Label comments, read the log of labels, export and import labelled comments."),
}
"""The place of each command, as `module:attribute` of this package, and its sentence in the help."""

_EXIT_INTERRUPTED = 130


class _LazyGroup(click.Group):
    """Imports the module of a command when the command is called, so that `--help` starts quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name][0].split(":")
        command: click.Command = getattr(import_module(f"moderation.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            message = quoted(error.format_message(), MAX_MESSAGE_LENGTH, keep="\n")
            raise click.UsageError(message, error.ctx) from None
        except ModerationError as error:
            echo_status(f"Error: {error}")
            ctx.exit(error_mapping(error).exit_code)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(_EXIT_INTERRUPTED)
        except OSError as error:
            # Click itself exits without a message when the reader of the output has closed it.
            if error.errno == EPIPE:
                raise
            place = quoted(str(error.filename or "A file"), MAX_MESSAGE_LENGTH)
            raise click.UsageError(f"{place} cannot be used: {error.strerror}.") from None


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="moderation")
def main() -> None:
    """Filter comment spam: run the service, train models, manage sites and moderators.

    Settings come from the environment; `docs/settings.md` lists them.
    """
