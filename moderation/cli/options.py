"""Arguments and options that several commands take."""

from pathlib import Path

import click

input_file = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
output_file = click.Path(dir_okay=False, path_type=Path)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
the_corpora = click.argument("files", metavar="CORPUS...", nargs=-1, required=True, type=input_file)
the_url = click.argument("url")
password_file = click.option(
    "--password-file", type=click.File("r", encoding="utf-8"), help="Read the password from the first line; - is stdin."
)
generate = click.option("--generate", is_flag=True, help="Make a password up and print it.")
