# oauth2-proxy in front of a page of its own, "Authenticated". The lines from --provider on are those of CLIENTS.md.
exec "$1" --http-address="127.0.0.1:$PORT" --upstream=static://200 --set-xauthrequest=true --cookie-secure=false \
  --insecure-oidc-allow-unverified-email=true --whitelist-domain="${ISSUER#*://}" --cookie-refresh=1s \
  --cookie-secret="$(printf %.32s "$CLIENT_SECRET")" --email-domain='*' --client-secret="$CLIENT_SECRET" \
  --provider=oidc --oidc-issuer-url="$ISSUER" --client-id="$CLIENT_ID" --code-challenge-method=S256 \
  --redirect-url="http://127.0.0.1:$PORT/oauth2/callback"
