"""Other filters on the same work as ours: the same comments to learn from, the same comments to judge."""
