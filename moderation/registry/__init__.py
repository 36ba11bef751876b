"""The model registry: loads, stores, promotes and rolls back models."""
