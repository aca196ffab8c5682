"""The room `status_lists`."""
