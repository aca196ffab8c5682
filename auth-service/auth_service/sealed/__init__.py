"""The room `sealed`."""
