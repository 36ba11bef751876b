"""The command `moderation`, and how it ends when something goes wrong."""

from errno import EPIPE
from importlib import import_module
from typing import Any

import click

from moderation import __version__
from moderation.domain.errors import ModerationError, outcome

COMMANDS: dict[str, str] = {
    "init": "Make the database, a first site and a first moderator.",
    "serve": "Run the service.",
    "site": "Sites that may send comments, their keys and their lines.",
    "moderator": "People who may decide what was held.",
    "check": "Judge one comment and say why.",
    "score": "Judge a file of comments.",
    "train": "Train a model on labelled comments.",
    "evaluate": "Measure models on labelled comments.",
    "promote": "Make a model the live one.",
    "rollback": "Go back to the model that was live before.",
    "models": "The models on the shelf.",
    "labels": "Labelled comments, in and out.",
}
"""Every command and its sentence, in the order of the help; `moderation.cli.NAME` holds it as `command`."""

_INTERRUPTED = 130


class _Program(click.Group):
    """Loads a command's module when that command is called: the help is quick, and so is what needs no training."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"moderation.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModerationError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(outcome(error).exit_code)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(_INTERRUPTED)
        except OSError as error:
            # Click itself ends quietly when whoever read our output has gone.
            if error.errno == EPIPE:
                raise
            raise click.UsageError(f"{error.filename or 'A file'} cannot be used: {error.strerror}.") from None


@click.command(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="moderation")
def main() -> None:
    """Comment-spam filtering: run the service, train it, and let people in.

    Settings are read from the environment; `docs/settings.md` lists them.
    """
