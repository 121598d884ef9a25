// Command client gets tokens with golang.org/x/oauth2 and verifies them with github.com/coreos/go-oidc.
package main

import (
	"context"
	"fmt"
	"log"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	if len(os.Args) != 6 && len(os.Args) != 7 {
		log.Fatal("arguments: issuer, client, secret, resource, algorithm, and perhaps a file of keys")
	}
	issuer, id, secret, resource, algorithm := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, issuer)
	check(err)

	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams, oauth2.AuthStyleAutoDetect} {
		config := clientcredentials.Config{
			ClientID: id, ClientSecret: secret, TokenURL: provider.Endpoint().TokenURL, AuthStyle: style,
			Scopes: []string{"openid", "read"}, EndpointParams: url.Values{"resource": {resource}},
		}
		token, err := config.Token(ctx)
		check(err)
		must(token.Type() == "Bearer" && token.Valid(), "a token that is valid")

		// An API verifies the access token: issuer, audience, times and signature.
		api := provider.Verifier(&oidc.Config{ClientID: resource, SupportedSigningAlgs: []string{algorithm}})
		access, err := api.Verify(ctx, token.AccessToken)
		check(err)
		var claims struct {
			ClientID string `json:"client_id"`
			Scope    string `json:"scope"`
		}
		check(access.Claims(&claims))
		must(claims.ClientID == id && slices.Contains(strings.Fields(claims.Scope), "read"), "client and scope")

		// The client verifies the ID token, which is for the client itself and is bound to the access token.
		own := provider.Verifier(&oidc.Config{ClientID: id, SupportedSigningAlgs: []string{algorithm}})
		raw, ok := token.Extra("id_token").(string)
		must(ok, "an ID token")
		idToken, err := own.Verify(ctx, raw)
		check(err)
		check(idToken.VerifyAccessToken(token.AccessToken))

		// Neither token is accepted in place of the other, or for another audience.
		for verifier, token := range map[*oidc.IDTokenVerifier]string{
			api: raw,
			own: token.AccessToken,
			provider.Verifier(&oidc.Config{ClientID: "https://elsewhere.example/", SupportedSigningAlgs: []string{algorithm}}): token.AccessToken,
		} {
			_, err = verifier.Verify(ctx, token)
			must(err != nil && strings.Contains(err.Error(), "audience"), "a token for another audience is refused")
		}
	}
	config := clientcredentials.Config{ClientID: id, ClientSecret: "wrong", TokenURL: provider.Endpoint().TokenURL}
	_, err = config.Token(ctx)
	refusal, ok := err.(*oauth2.RetrieveError)
	must(ok && refusal.ErrorCode == "invalid_client", "invalid_client")
	if len(os.Args) == 7 {
		assertions(ctx, provider, issuer, algorithm, os.Args[6])
	}
	fmt.Println("verified")
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func must(holds bool, what string) {
	if !holds {
		log.Fatalf("not so: %s", what)
	}
}
