# A person signs in, from a shell: code flow with PKCE, userinfo, refresh, revocation. It needs curl, openssl and python3.
# The redirect URI need not answer: the person copies the address that the browser ends at.
set -eu
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
ask() { endpoint=$1 && shift && curl --silent --show-error --fail-with-body --user "$CLIENT_ID:$CLIENT_SECRET" "$@" "$ISSUER/oauth/$endpoint"; }

verifier=$(openssl rand -base64 48 | tr '+/' '-_' | tr -d '\n')
challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '=\n')
state=$(openssl rand -hex 16)
echo "$ISSUER/oauth/authorize?response_type=code&client_id=$CLIENT_ID&redirect_uri=$CALLBACK&scope=openid+email&state=$state&code_challenge=$challenge&code_challenge_method=S256"

read -r answer
case $answer in *"state=$state"*) ;; *) echo "another state" >&2 && exit 1 ;; esac
code=$(printf %s "$answer" | sed 's/.*[?&]code=\([^&]*\).*/\1/')
tokens=$(ask token -d grant_type=authorization_code -d code="$code" -d redirect_uri="$CALLBACK" -d code_verifier="$verifier")
tokens=$(ask token -d grant_type=refresh_token -d refresh_token="$(echo "$tokens" | field refresh_token)")
curl --silent --oauth2-bearer "$(echo "$tokens" | field access_token)" "$ISSUER/oauth/userinfo" | field email
ask revoke -d token="$(echo "$tokens" | field refresh_token)" > /dev/null
ask token -d grant_type=refresh_token -d refresh_token="$(echo "$tokens" | field refresh_token)" || true
