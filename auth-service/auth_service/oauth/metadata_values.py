"""The values of a client's metadata that stand in code elsewhere: grant types, methods, and words of our own."""

AUTHORIZATION_CODE, REFRESH_TOKEN = "authorization_code", "refresh_token"
CLIENT_CREDENTIALS = "client_credentials"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"  # RFC 8628 §3.4
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant type (RFC 8693 §2.1)
FOR_PEOPLE = (AUTHORIZATION_CODE, DEVICE_CODE)  # grants by which a person lets a client act
CODE = "code"  # the only response type

CLIENT_SECRET_BASIC, CLIENT_SECRET_POST = "client_secret_basic", "client_secret_post"
PRIVATE_KEY_JWT = "private_key_jwt"
WORKLOAD_JWT = "workload_jwt"  # a method of ours: the token of a platform, beside the client_id
NONE = "none"  # a public client: it only sends its client_id, and PKCE protects its codes
SECRET_METHODS = (CLIENT_SECRET_BASIC, CLIENT_SECRET_POST)
AUTH_METHODS = (*SECRET_METHODS, PRIVATE_KEY_JWT, NONE)
TOKEN_ENDPOINT = "token_endpoint"  # noqa: S105 - no password: a value of `assertion_audience`
MINIMAL = "minimal"  # `id_token_claims`

DPOP_BOUND = "dpop_bound_access_tokens"  # a member (RFC 9449 §5.2)
SECOND_FACTOR_REQUIRED = "require_second_factor"  # a member of ours, for operators
PUSHED_REQUIRED = "require_pushed_authorization_requests"  # a member (RFC 9126 §6)
REQUEST_ALG = "request_object_signing_alg"  # a member (RFC 9101 §10.5)
