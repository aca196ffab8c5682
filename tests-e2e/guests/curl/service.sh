# A service gets a token, an API asks whether it is good, and the service revokes it.
set -eu
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
ask() { endpoint=$1 && shift && curl --silent --show-error --fail-with-body "$@" "$ISSUER/oauth/$endpoint"; }

token=$(ask token --user "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials -d resource="$API" | field access_token)
ask introspect --user "$API_CLIENT_ID:$API_CLIENT_SECRET" -d token="$token" | field active
ask revoke --user "$CLIENT_ID:$CLIENT_SECRET" -d token="$token" > /dev/null
ask introspect --user "$API_CLIENT_ID:$API_CLIENT_SECRET" -d token="$token" | field active
