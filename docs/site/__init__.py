"""What the documentation site adds to the pages of `docs`: generated pages, and the places of files outside of it."""
