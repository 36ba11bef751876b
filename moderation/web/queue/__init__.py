"""The moderators' channel: sign-in and the queue of held comments, in plain forms without script."""
