"""Upstream providers: OpenID providers at which people sign in instead of here ("Continue with NAME").

    identities.py      the table `UpstreamIdentity`: whose account a provider's person has, by issuer and subject
    providers.py       the table `UpstreamProvider`: our registration at each, its client secret sealed
    cache.py           `UpstreamCache`: all of them as this process read them a moment ago
    starts.py          the table `UpstreamStart`: a person is at a provider, and comes back with this `state`
    discovery.py       `ProviderMetadata`: what a provider publishes about itself, fetched within bounds and cached
    openid_client.py   `make_address`, `redeem`: OpenID Connect by Authlib; imported where one is used
    dialogue.py        `Upstreams`: all of this for a process

A sign-in goes so. `begin` stores a random `state` for one browser, with a nonce, a PKCE verifier and where the person
came from, all sealed. `Upstreams.make_address` leads to the provider. The answer comes back to
/api/auth/callback/ID; `use` takes its `state` once, in that browser only. Then `Upstreams.redeem` trades the code for
an ID token, and returns the person whom it is about.

Nothing that a provider says is trusted before it is checked. Authlib gets six members of the metadata and no others,
because it hands all of them to the HTTP client as options. All its requests go through network/outbound.py.

Who the person is here is decided in signing_in/. The commands and `apply` change the registry.
"""
