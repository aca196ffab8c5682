"""The room `tokens`."""
