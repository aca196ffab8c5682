"""The room `endpoints`."""
