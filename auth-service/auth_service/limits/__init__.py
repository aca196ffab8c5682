"""The room `limits`."""
