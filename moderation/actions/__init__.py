"""The use cases of the serving process: one function and one transaction for each."""
