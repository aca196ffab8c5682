//! A site with the crate openidconnect. One thread, one visitor.

use std::{collections::HashMap, env, error::Error};

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreUserInfoClaims};
use openidconnect::{
    reqwest, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RefreshToken,
    Scope, TokenResponse,
};
use tiny_http::{Header, Response, Server};

#[derive(Default)]
struct Visit {
    asked: Option<(CsrfToken, Nonce, PkceCodeVerifier)>,
    email: Option<String>,
    id_token: Option<CoreIdToken>,
    refresh_token: Option<RefreshToken>,
}

enum Answer {
    Page(String),
    Redirect(String),
}

fn main() -> Result<(), Box<dyn Error>> {
    let (issuer, here) = (env::var("ISSUER")?, format!("http://127.0.0.1:{}", env::var("PORT")?));
    let http = reqwest::blocking::ClientBuilder::new().redirect(reqwest::redirect::Policy::none()).build()?;
    let metadata = ProviderMetadataWithLogout::discover(&IssuerUrl::new(issuer)?, &http)?;
    let sign_out = metadata.additional_metadata().end_session_endpoint.clone().ok_or("no end_session_endpoint")?;
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(env::var("CLIENT_ID")?),
        Some(ClientSecret::new(env::var("CLIENT_SECRET")?)),
    )
    .set_redirect_uri(RedirectUrl::new(format!("{here}/callback"))?);
    let mut visit = Visit::default();

    let mut answer = |path: &str, query: HashMap<String, String>| -> Result<Answer, Box<dyn Error>> {
        match path {
            "/callback" => {
                let (state, nonce, verifier) = visit.asked.take().ok_or("nobody asked")?;
                if query.get("state") != Some(state.secret()) {
                    return Err("another state".into());
                }
                let code = AuthorizationCode::new(query.get("code").ok_or("no code")?.clone());
                let tokens = client.exchange_code(code)?.set_pkce_verifier(verifier).request(&http)?;
                let id_token = tokens.id_token().ok_or("no ID token")?;
                let claims = id_token.claims(&client.id_token_verifier(), &nonce)?;
                visit.email = claims.email().map(|email| email.to_string());
                visit.id_token = Some(id_token.clone());
                visit.refresh_token = tokens.refresh_token().cloned();
                Ok(Answer::Redirect(here.clone()))
            }
            "/refresh" => {
                let shown = visit.refresh_token.take().ok_or("no refresh token")?;
                let tokens = client.exchange_refresh_token(&shown)?.request(&http)?;
                let claims: CoreUserInfoClaims = client.user_info(tokens.access_token().clone(), None)?.request(&http)?;
                visit.email = claims.email().map(|email| email.to_string());
                visit.refresh_token = tokens.refresh_token().cloned();
                Ok(Answer::Redirect(here.clone()))
            }
            "/logout" => {
                let hint = visit.id_token.take().ok_or("no ID token")?;
                visit.email = None;
                let back = PostLogoutRedirectUrl::new(format!("{here}/signed-out"))?;
                let request = LogoutRequest::from(sign_out.clone())
                    .set_id_token_hint(&hint)
                    .set_post_logout_redirect_uri(back);
                Ok(Answer::Redirect(request.http_get_url().to_string()))
            }
            "/signed-out" => Ok(Answer::Page("Signed out".to_string())),
            _ => {
                if let Some(email) = &visit.email {
                    return Ok(Answer::Page(format!("Signed in as {email}")));
                }
                let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
                let (url, state, nonce) = client
                    .authorize_url(
                        CoreAuthenticationFlow::AuthorizationCode,
                        CsrfToken::new_random,
                        Nonce::new_random,
                    )
                    .add_scope(Scope::new("email".to_string()))
                    .set_pkce_challenge(challenge)
                    .url();
                visit.asked = Some((state, nonce, verifier));
                Ok(Answer::Redirect(url.to_string()))
            }
        }
    };

    let server = Server::http(here.trim_start_matches("http://")).map_err(|error| error.to_string())?;
    for request in server.incoming_requests() {
        let url = reqwest::Url::parse(&format!("{here}{}", request.url()))?;
        match answer(url.path(), url.query_pairs().into_owned().collect()) {
            Ok(Answer::Page(text)) => request.respond(Response::from_string(text))?,
            Ok(Answer::Redirect(to)) => {
                let location = Header::from_bytes("Location", to).map_err(|()| "not a header")?;
                request.respond(Response::empty(302).with_header(location))?
            }
            Err(error) => request.respond(Response::from_string(error.to_string()).with_status_code(400))?,
        }
    }
    Ok(())
}
