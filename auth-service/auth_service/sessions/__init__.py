"""The room `sessions`."""
