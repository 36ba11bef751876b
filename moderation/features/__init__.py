"""The evidence: pure functions from a comment to hashed features and named facts."""
