"""The algorithms that this service signs tokens with (RFC 7518 §3.1). All of them hash with SHA-256.

RS256 is what every client knows (OpenID Connect Core §15.1), so it is the default. ES256 takes a seventh of its time.
"""

RS256, PS256, ES256 = "RS256", "PS256", "ES256"
ALGORITHMS = (RS256, PS256, ES256)

# Members of a client's metadata (OpenID Connect Registration §2): of its ID tokens, and of its userinfo responses
SIGNED_RESPONSE_ALG, USERINFO_ALG = "id_token_signed_response_alg", "userinfo_signed_response_alg"
OF_CLIENTS = (SIGNED_RESPONSE_ALG, USERINFO_ALG)
