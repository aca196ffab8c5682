"""The room `grants`."""
