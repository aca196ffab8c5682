"""The room `verifier`."""
