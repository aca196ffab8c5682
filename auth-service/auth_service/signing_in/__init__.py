"""The room `signing_in`."""
