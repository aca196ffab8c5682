"""The room `telemetry`."""
