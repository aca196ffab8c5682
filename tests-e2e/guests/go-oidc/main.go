// A site with go-oidc and golang.org/x/oauth2.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// The only visitor's session.
var visit struct {
	state, nonce, verifier, email, idToken string
	token                                  *oauth2.Token
}

func main() {
	issuer, here := os.Getenv("ISSUER"), "http://127.0.0.1:"+os.Getenv("PORT")
	provider, err := oidc.NewProvider(context.Background(), issuer)
	if err != nil {
		log.Fatal(err)
	}
	config := oauth2.Config{
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		Endpoint:     provider.Endpoint(),
		RedirectURL:  here + "/callback",
		Scopes:       []string{oidc.ScopeOpenID, "email"},
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: config.ClientID})

	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if visit.email != "" {
			fmt.Fprint(w, "Signed in as ", visit.email)
			return
		}
		visit.state, visit.nonce, visit.verifier = oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
		http.Redirect(w, r, config.AuthCodeURL(visit.state, oidc.Nonce(visit.nonce), oauth2.S256ChallengeOption(visit.verifier)), http.StatusFound)
	})
	http.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		token, err := config.Exchange(r.Context(), r.FormValue("code"), oauth2.VerifierOption(visit.verifier))
		if err != nil || r.FormValue("state") != visit.state {
			http.Error(w, fmt.Sprint("no token: ", err), http.StatusBadRequest)
			return
		}
		visit.idToken, visit.token = token.Extra("id_token").(string), token
		idToken, err := verifier.Verify(r.Context(), visit.idToken)
		if err != nil || idToken.Nonce != visit.nonce || idToken.VerifyAccessToken(token.AccessToken) != nil {
			http.Error(w, fmt.Sprint("no ID token: ", err), http.StatusBadRequest)
			return
		}
		var claims struct{ Email string }
		if err := idToken.Claims(&claims); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		visit.email = claims.Email
		http.Redirect(w, r, "/", http.StatusFound)
	})
	http.HandleFunc("/refresh", func(w http.ResponseWriter, r *http.Request) {
		visit.token.Expiry = time.Now().Add(-time.Minute)
		source := config.TokenSource(r.Context(), visit.token)
		info, err := provider.UserInfo(r.Context(), source)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		visit.email = info.Email
		http.Redirect(w, r, "/", http.StatusFound)
	})
	http.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		var metadata struct {
			EndSession string `json:"end_session_endpoint"`
		}
		if err := provider.Claims(&metadata); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		asked := url.Values{"id_token_hint": {visit.idToken}, "post_logout_redirect_uri": {here + "/signed-out"}}
		visit.email = ""
		http.Redirect(w, r, metadata.EndSession+"?"+asked.Encode(), http.StatusFound)
	})
	http.HandleFunc("/signed-out", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "Signed out") })
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
