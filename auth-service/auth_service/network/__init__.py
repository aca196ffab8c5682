"""Network: where callers come from, which origins are trusted, and how this process reaches other machines.

    networks.py          `networks_of`: the IPv4 address, or the /64, /56 and /48, that one caller may hold
    trusted_origins.py   `TrustedOrigins`: who may act for a signed-in person, for which APIs, and where a response
                         may redirect to
    public_addresses.py  `is_public`: an address outside of all ranges that are set aside for a special purpose
    mail_urls.py         where mail is sent, and whom it is from
    outbound.py          `Outbound`: fetch and post to addresses that a client named, within bounds

A URL that a client registered (`jwks_uri`, `event_endpoint`) is never opened directly. `Outbound` resolves the name
once, checks that the address is public or listed, connects to exactly that address, and bounds size and time; no
redirect is followed. `FetchFailed` is the only error.

Any room may import these. Nothing here knows accounts, clients or requests.
"""
