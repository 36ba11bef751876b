"""Training of the second reader, with JAX. Nothing of this is imported by a serving process."""
