// A site with github.com/zitadel/oidc, whose handlers begin and end the sign-in.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// The only visitor's session.
var visit struct {
	email  string
	tokens *oidc.Tokens[*oidc.IDTokenClaims]
}

func main() {
	here := "http://127.0.0.1:" + os.Getenv("PORT")
	key := []byte(rand.Text())[:16]
	cookies := httphelper.NewCookieHandler(key, key, httphelper.WithUnsecure())
	provider, err := rp.NewRelyingPartyOIDC(
		context.Background(), os.Getenv("ISSUER"), os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"),
		here+"/callback", []string{oidc.ScopeOpenID, oidc.ScopeEmail},
		rp.WithCookieHandler(cookies), rp.WithPKCE(cookies),
	)
	if err != nil {
		log.Fatal(err)
	}
	keep := func(w http.ResponseWriter, r *http.Request, tokens *oidc.Tokens[*oidc.IDTokenClaims], _ string, _ rp.RelyingParty, info *oidc.UserInfo) {
		visit.tokens, visit.email = tokens, info.Email
		http.Redirect(w, r, "/", http.StatusFound)
	}
	http.Handle("/sign-in", rp.AuthURLHandler(rand.Text, provider))
	http.Handle("/callback", rp.CodeExchangeHandler(rp.UserinfoCallback(keep), provider))
	http.HandleFunc("/refresh", func(w http.ResponseWriter, r *http.Request) {
		tokens, err := rp.RefreshTokens[*oidc.IDTokenClaims](r.Context(), provider, visit.tokens.RefreshToken, "", "")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		visit.tokens = tokens
		http.Redirect(w, r, "/", http.StatusFound)
	})
	http.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		url, err := rp.EndSession(r.Context(), provider, visit.tokens.IDToken, here+"/signed-out", "", "", nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		visit.email = ""
		http.Redirect(w, r, url.String(), http.StatusFound)
	})
	http.HandleFunc("/signed-out", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "Signed out") })
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if visit.email == "" {
			http.Redirect(w, r, "/sign-in", http.StatusFound)
			return
		}
		fmt.Fprint(w, "Signed in as ", visit.email)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
