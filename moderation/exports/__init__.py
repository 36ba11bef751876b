"""The export files of other programs, read as past comments: one module for each program."""
