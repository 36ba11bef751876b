"""The verbs: one function a use, one transaction each."""
