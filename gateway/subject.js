// The subject of a call to the API, for limits and log only. The services verify every token themselves.
//
// A call with an invalid token counts for its client address. So a forged token neither uses up another subject's limit
// nor gives its sender more requests.

// By JWS algorithm (RFC 7518 §3): the type of its keys, their public members, and both as WebCrypto names them. A plain
// object, because njs has no Map; `algorithmOf` reads it.
const ALGORITHMS = {
    RS256: rsa({ name: 'RSASSA-PKCS1-v1_5' }),
    PS256: rsa({ name: 'RSA-PSS', saltLength: 32 }),
    ES256: {
        kty: 'EC',
        members: ['crv', 'x', 'y'],
        imported: { name: 'ECDSA', namedCurve: 'P-256' },
        verified: { name: 'ECDSA', hash: 'SHA-256' },
    },
};
const AUDIENCES = ['/api/v1', '/mcp']; // paths behind the issuer: the todo API, and the same for agents
const MAX_LENGTH = 8192; // characters of a token
const KEYS_MAX_AGE = 5000; // milliseconds, the issuer's `s-maxage`
const TOLD_AFTER = 10000; // milliseconds; a shorter failure is most likely a restart of auth-service

function rsa(verified) {
    return { kty: 'RSA', members: ['n', 'e'], imported: { name: verified.name, hash: 'SHA-256' }, verified };
}

function algorithmOf(jwk) {
    return Object.prototype.hasOwnProperty.call(ALGORITHMS, jwk.alg) ? ALGORITHMS[jwk.alg] : undefined;
}

/** `js_set`: the `sub` of the request's access token (RFC 9068), or an empty string. */
async function verified(r) {
    let sub = '';
    try {
        // `await` on every path: without it the value would be the promise itself.
        sub = await subjectOf(/^\/(api\/v1\/|mcp$)/.test(r.uri) ? r.headersIn.Authorization || '' : '');
    } catch (error) {
        sub = ''; // not JSON, or not base64url: not one of our tokens
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
    const algorithm = algorithmOf(jwk); // the key's own, which the header must name, too
    const key = await crypto.subtle.importKey('jwk', jwk, algorithm.imported, false, ['verify']);
    const signature = Buffer.from(parts[3], 'base64url');
    const signed = Buffer.from(`${parts[1]}.${parts[2]}`);
    const isSigned = await crypto.subtle.verify(algorithm.verified, key, signature, signed);
    return isSigned ? claims.sub : '';
}

function decode(part) {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
}

function keyOf(header) {
    if (header.typ !== 'at+jwt') {
        return undefined;
    }
    const keys = JSON.parse(ngx.shared.issuer_keys.get('keys') || '[]');
    return keys.find((jwk) => jwk.kid === header.kid && jwk.alg === header.alg);
}

function isForUs(claims) {
    return (
        claims.iss === gateway.issuer &&
        AUDIENCES.some((path) => [].concat(claims.aud).includes(gateway.issuer + path)) &&
        claims.exp > Date.now() / 1000 &&
        /^[A-Za-z0-9_-]{1,64}$/.test(claims.sub)
    );
}

/** `js_set`: hash of the subject, for the log. */
function hashed(r) {
    const sub = r.variables.subject;
    return sub ? require('crypto').createHash('sha256').update(sub).digest('hex').slice(0, 16) : '';
}

/** `js_periodic`: fetch the issuer's keys. While that fails, the last ones stay in use. */
async function refresh() {
    const kept = ngx.shared.issuer_keys;
    if (Date.now() < Number(kept.get('until') || 0)) {
        return;
    }
    let failure = 'no URL of a key set is configured';
    for (let i = 0; i < gateway.key_sets.length && failure !== ''; i += 1) {
        failure = await fetchKeys(gateway.key_sets[i]); // the next one, if this one failed; all again a second later
    }
    if (failure === '') {
        kept.delete('failing_since');
    } else {
        kept.add('failing_since', String(Date.now()));
        kept.set('failure', failure);
    }
}

/** The reason of a failure, or an empty string. It has none of the response's text, because it goes to the log. */
async function fetchKeys(url) {
    let isAnswered = false;
    try {
        const reply = await ngx.fetch(url);
        isAnswered = true;
        if (reply.status !== 200) {
            return `the answer is a ${reply.status}`;
        }
        const keys = (await reply.json()).keys.filter(isTokenKey).map(toVerify);
        if (keys.length === 0) {
            return 'the key set has no key for tokens';
        }
        ngx.shared.issuer_keys.set('keys', JSON.stringify(keys));
        ngx.shared.issuer_keys.set('until', String(Date.now() + KEYS_MAX_AGE));
        return '';
    } catch (error) {
        return isAnswered ? 'the answer is not a key set' : 'no answer';
    }
}

/**
 * `js_periodic`: log once that keys are missing, and once that they are back. Otherwise nobody would notice that calls
 * count for their address. `refresh` runs in another location, which logs nothing: nginx would log each failed attempt.
 */
function tell() {
    const kept = ngx.shared.issuer_keys;
    const since = Number(kept.get('failing_since') || 0);
    if (since === 0 && kept.delete('is_told')) {
        ngx.log(ngx.WARN, 'the issuer gives keys again: calls to the API count for their subject');
    }
    if (since > 0 && Date.now() - since >= TOLD_AFTER && kept.add('is_told', 'yes')) {
        const lacks = kept.has('keys') ? 'new keys, the last ones stay' : 'keys, every call counts for its network';
        ngx.log(ngx.ERR, `the issuer has given no ${lacks}: ${kept.get('failure')}`);
    }
}

function isTokenKey(jwk) {
    // A key with `signs` is for status lists, not for tokens.
    const algorithm = algorithmOf(jwk);
    return algorithm !== undefined && jwk.kty === algorithm.kty && jwk.signs === undefined;
}

function toVerify(jwk) {
    const kept = { kid: jwk.kid, kty: jwk.kty, alg: jwk.alg };
    algorithmOf(jwk).members.forEach((name) => {
        kept[name] = jwk[name];
    });
    return kept;
}

export default { verified, hashed, refresh, tell };
