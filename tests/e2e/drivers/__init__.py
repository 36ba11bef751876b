"""Scripts that each put one client through verify, check and submit, and print what it answered.

They take the comments, the keys and the blog from the environment, and from SERVICE the name of the service where it
is not the client's own default; then they point the client there as docs/clients.md says. They print one JSON object:
`verified` and `wrong_verified` (null where the client cannot ask), `ham` and `spam` (what it made of the two comments),
`wrong` (what it made of a check with a wrong key, "error" if it raised), and `submitted`.
"""
