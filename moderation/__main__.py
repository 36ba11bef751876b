"""`python -m moderation`, the same as the command `moderation`."""

from moderation.cli import main

if __name__ == "__main__":
    main(prog_name="moderation")
