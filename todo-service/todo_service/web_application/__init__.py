"""The room `web_application`."""
