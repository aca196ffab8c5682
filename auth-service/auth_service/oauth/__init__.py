"""The protocol as values and pure functions. Standard library only: no store, no web framework, no clock.

Reading a request:
    parameters.py                 the form or query of a request (RFC 6749 Appendix B)
    authorization_request.py      an authorization request as a value; `find_target` reads first where answers may go
    authorization_parameters.py   its parameters, each read and checked by itself
    device_authorization.py       the request of a device, whose person is at another one (RFC 8628)
    request_object.py             a request as a signed JWT, checked except for its signature (RFC 9101)
    claims_parameter.py           the `claims` parameter (OpenID Connect Core §5.5)
    client_metadata.py            a client's registration as a value (RFC 7591)
    metadata_members.py           its members, each read and checked by itself
    metadata_combinations.py      members that depend on each other
    shown_members.py              members that people see: links and a logo
    metadata_values.py            their values that stand in code elsewhere
    fapi2.py                      what `"profile": "fapi2"` asks of a client
    token_exchange.py             trading a token for one for another API, and the rules for it (RFC 8693)
    client_documents.py           a client_id that is the URL of a metadata document, and this document
    self_registration.py          what counts of the metadata that a client states about itself
    compact_jwt.py                a JWT that a client signed: its segments and claims, read strictly
    dpop_proof.py                 a proof of a key, checked except for its signature (RFC 9449)
    client_assertion.py           a client's assertion, checked except for its signature (RFC 7523)
    workload_identity.py          a platform's token that proves a client, checked except for its signature
    upstream_answers.py           what an upstream provider says, and about whom
    names.py                      a name that is shown to people, of a person or of a client
    usernames.py                  a person's user name, and when two are the same
    profile.py                    optional claims about a person, such as a telephone number
    strict_json.py                JSON without duplicate names, NaN or deep nesting

Deciding:
    interaction.py                what has to happen before a code may be issued: `decide`
    consent.py                    which scopes of which API a person has to agree to
    pkce.py                       whether a verifier fits its challenge (RFC 7636)
    redirect_uri.py               whether a redirect URI is a registered one
    resources.py                  an API's registration as a value
    upstreams.py                  an upstream provider's registration as a value
    resource_identifiers.py       which URI may name an API, and which two are too alike
    audiences.py, scope.py        which audience, which scopes
    claims.py                     which claims a scope or a request asks for
    authentication_context.py     the values of `acr` and `amr`

Answering:
    access_token.py, id_token.py, logout_token.py, security_event.py, status_list.py   what is signed, as claims
    algorithms.py                 what tokens are signed with: RS256, PS256, ES256
    jwk.py, metadata.py           the published documents
    authorization_response.py     a code or a refusal on its way to the client
    errors.py                     refusals, by the names of their specifications

An endpoint reads the request with the first group, decides with the second, and answers with the third; whatever has to
be remembered in between is in the rooms above. Every room may import any file here.
"""
