// Whose request it is: for the limits and for the log, and for nothing else. The services verify every token again.
//
// A token with the slightest flaw is nobody's, and its request is counted for the network that it comes from: who forges
// tokens neither spends another's requests nor gets more of their own.

const ALGORITHM = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
const MAX_LENGTH = 8192; // characters of a token
const KEYS_MAX_AGE = 5000; // milliseconds, as the issuer's `s-maxage` has it
const TOLD_AFTER = 10000; // milliseconds: what is over sooner is a restart

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
    let failure = 'no place to fetch them from';
    for (let i = 0; i < gateway.key_sets.length && failure !== ''; i += 1) {
        failure = await fetchKeys(gateway.key_sets[i]); // from the next one if need be; and soon again
    }
    if (failure === '') {
        kept.delete('failing_since');
    } else {
        kept.add('failing_since', String(Date.now()));
        kept.set('failure', failure);
    }
}

/** What is wrong, in words of our own: what was answered, or what njs says of it, is nothing for the log. */
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
            return 'there is none for tokens among them';
        }
        ngx.shared.issuer_keys.set('keys', JSON.stringify(keys));
        ngx.shared.issuer_keys.set('until', String(Date.now() + KEYS_MAX_AGE));
        return '';
    } catch (error) {
        return isAnswered ? 'the answer is no key set' : 'no answer';
    }
}

/**
 * `js_periodic`: without keys every call counts for its network, and nobody would notice. So the log has it, once, and
 * once when they are there again. Where `refresh` runs nothing is logged: nginx would add a line for each attempt.
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
    return jwk.kty === 'RSA' && jwk.alg === 'RS256' && jwk.signs === undefined; // `signs`: status lists, and no tokens
}

function toVerify(jwk) {
    return { kid: jwk.kid, kty: jwk.kty, alg: jwk.alg, n: jwk.n, e: jwk.e };
}

export default { verified, hashed, refresh, tell };
