"""HTTP: what endpoints share of requests and responses.

    parts.py                    `given`: an endpoint or a grant gets the parts of this process that it names; `Now`
    unserved_addresses.py       a path with a line break at its end, a query of too many parameters
    direct_routes.py            routes for the hottest paths, found and answered without FastAPI
    oauth_requests.py           the form of a protocol request, and refusals as RFC 6749 has them
    json_bodies.py              the client metadata in a request's body
    client_requests.py          `authenticate`: prove the client of such a request, then count the request
    dpop.py                     the DPoP proof of a request, and the nonce for the next one (RFC 9449)
    bearer_tokens.py            an access token in the header or the form, and its challenges (RFC 6750)
    client_cors.py              CORS for clients' own pages
    cookies.py                  which of several values of a cookie is ours; deleting all of a name
    session_cookies.py          `SessionCookies`: the signed cookie, or bearer credential, of a session
    factor_cookies.py           cookies of a sign-in that waits for a code, and of a browser that is trusted
    passkey_cookies.py          the cookie that binds a passkey's challenge to a browser
    current_session.py          `find_current`: who is signed in; `start_session_here`
    browsers.py                 the cookie that tells browsers apart, and the tokens of our forms
    document_clients.py         the client of a request that names the URL of a metadata document
    pending_requests.py         `PendingRequest`: an authorization request between its arrival and its answer
    authorization_response.py   a code or a refusal, sent to the client's redirect URI
    outgoing.py                 cookies and header fields that go out with a response, whatever the response is
    navigation.py               whether a person's browser opens an address
    branding.py                 the product's name, logo and colours on pages
    languages.py                the language of a page: chosen, asked for by the application, or the browser's
    pages.py                    pages for people, from templates/, with their headers
    cached_documents.py         the key set and the metadata: ETag, Cache-Control, CORS for everybody
    public_preflight.py         preflights where any origin may read the answer
    head_requests.py            HEAD wherever GET is

A protocol request: `read_form`, then `client_requests.authenticate`, then the endpoint's own work. A refusal is raised,
and serving/failures.py renders it. A person's request: `find_current` reads the cookie (`SessionCookies.read` checks
the signature), finds the live session and prolongs it if that is due; the endpoint renders a page or redirects.
`SendOutgoing` adds the cookies to the response, also to a refusal or a failure.

An endpoint, a grant and a function that several of them share declare what they use as a `Given` beside them, and never
see the rest of the process.

signing_in/, endpoints/, serving/ and the rooms above them import this room. A lower room must not import it.
"""
