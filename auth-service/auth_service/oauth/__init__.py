"""The protocol as values and pure functions. Standard library only: no store, no web framework, no clock."""
