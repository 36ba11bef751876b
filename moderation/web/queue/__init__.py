"""The moderators' door: signing in, and working through what was held. Plain forms, no script."""
