"""The one list of grant types. Metadata, registrations, metrics and the form's schema read it."""

from . import authorization_code, client_credentials, device_code, refresh_token, token_exchange

_MODULES = (authorization_code, refresh_token, client_credentials, device_code, token_exchange)

GRANTS = {grant.GRANT_TYPE: grant.redeem for grant in _MODULES}
GRANT_TYPES = tuple(GRANTS)
PARAMETERS = tuple(dict.fromkeys(name for grant in _MODULES for name in grant.PARAMETERS))  # of the form, each once
