"""The shelf: where models live, and how one goes live."""
