// Whose request it is: for the limits and for the log, and for nothing else. The services verify every token again.
//
// A token with the slightest flaw is nobody's, and its request is counted for the network that it comes from: who forges
// tokens neither spends another's requests nor gets more of their own.

const ALGORITHM = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
const MAX_LENGTH = 8192; // characters of a token
const KEYS_MAX_AGE = 5000; // milliseconds, as the issuer's `s-maxage` has it

/** `js_set`: the `sub` of the access token that the request carries (RFC 9068), or nothing. */
async function verified(r) {
    let sub = '';
    try {
        // Waited for on every path: without it njs would take the promise itself for the value.
        sub = await subjectOf(r.uri.startsWith('/api/v1/') ? r.headersIn.Authorization || '' : '');
    } catch (error) {
        sub = ''; // neither JSON nor base64url: none of ours
    }
    r.setReturnValue(sub);
}

async function subjectOf(authorization) {
    const parts = /^bearer +([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/i.exec(authorization);
    if (parts === null || authorization.length > MAX_LENGTH) {
        return '';
    }
    const jwk = keyOf(decode(parts[1]));
    const claims = decode(parts[2]);
    if (jwk === undefined || !isForUs(claims)) {
        return '';
    }
    const key = await crypto.subtle.importKey('jwk', jwk, ALGORITHM, false, ['verify']);
    const signature = Buffer.from(parts[3], 'base64url');
    const isSigned = await crypto.subtle.verify(ALGORITHM, key, signature, `${parts[1]}.${parts[2]}`);
    return isSigned ? claims.sub : '';
}

function decode(part) {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
}

function keyOf(header) {
    if (header.alg !== 'RS256' || header.typ !== 'at+jwt') {
        return undefined;
    }
    return JSON.parse(ngx.shared.issuer_keys.get('keys') || '[]').find((jwk) => jwk.kid === header.kid);
}

function isForUs(claims) {
    return (
        claims.iss === gateway.issuer &&
        [].concat(claims.aud).includes(`${gateway.issuer}/api/v1`) &&
        claims.exp > Date.now() / 1000 &&
        /^[A-Za-z0-9_-]{1,64}$/.test(claims.sub)
    );
}

/** `js_set`: what the log may have of it, the same for the same subject. */
function hashed(r) {
    const sub = r.variables.subject;
    return sub ? require('crypto').createHash('sha256').update(sub).digest('hex').slice(0, 16) : '';
}

/** `js_periodic`: have the issuer's keys at hand. While it does not answer the last ones stay. */
async function refresh() {
    const kept = ngx.shared.issuer_keys;
    if (Date.now() < Number(kept.get('until') || 0)) {
        return;
    }
    for (let i = 0; i < gateway.key_sets.length; i += 1) {
        try {
            const reply = await ngx.fetch(gateway.key_sets[i]);
            if (reply.status === 200) {
                const document = await reply.json();
                kept.set('keys', JSON.stringify(document.keys.filter(isTokenKey).map(toVerify)));
                kept.set('until', String(Date.now() + KEYS_MAX_AGE));
                return;
            }
        } catch (error) {
            // the next one; and soon again
        }
    }
}

function isTokenKey(jwk) {
    return jwk.kty === 'RSA' && jwk.alg === 'RS256' && jwk.signs === undefined; // `signs`: status lists, and no tokens
}

function toVerify(jwk) {
    return { kid: jwk.kid, kty: jwk.kty, alg: jwk.alg, n: jwk.n, e: jwk.e };
}

export default { verified, hashed, refresh };
