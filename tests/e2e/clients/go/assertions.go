package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"os"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// Assertions for golang.org/x/oauth2, which has no code for them: signed by golang-jwt and by go-jose.
func assertions(ctx context.Context, provider *oidc.Provider, issuer, algorithm, file string) {
	text, err := os.ReadFile(file)
	check(err)
	keys := map[string]jose.JSONWebKey{}
	check(json.Unmarshal(text, &keys))
	verify := func(token *oauth2.Token, err error) {
		check(err)
		verifier := provider.Verifier(&oidc.Config{ClientID: issuer, SupportedSigningAlgs: []string{algorithm}})
		verified, err := verifier.Verify(ctx, token.AccessToken)
		check(err)
		must(verified.Subject == "signer", "the subject")
	}
	refused := func(_ *oauth2.Token, err error) {
		refusal, ok := err.(*oauth2.RetrieveError)
		must(ok && refusal.ErrorCode == "invalid_client", "an assertion is refused")
	}
	for _, by := range []struct {
		name, kid string
		method    jwt.SigningMethod
	}{
		{"signer-ES256", "es256", jwt.SigningMethodES256},
		{"signer-RSA", "ps256", jwt.SigningMethodPS256},
		{"signer-EdDSA", "eddsa", jwt.SigningMethodEdDSA},
	} {
		for _, kid := range []string{by.kid, ""} {
			verify(signer{issuer, "signer", kid, by.method, keys[by.name].Key}.Token())
		}
		signed := byGoJose(keys[by.name], by.kid, by.method.Alg(), josejwt.Audience{issuer})
		verify(request(ctx, issuer, signed, oauth2.AuthStyleInParams))
		// An assertion works once.
		refused(request(ctx, issuer, signed, oauth2.AuthStyleInParams))
	}
	es256 := keys["signer-ES256"]
	refused(signer{issuer, "signer", "es256", jwt.SigningMethodES256, keys["other-ES256"].Key}.Token())
	// RegisteredClaims writes a list.
	now := time.Now()
	listed := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.RegisteredClaims{
		Issuer: "signer", Subject: "signer", Audience: jwt.ClaimStrings{issuer}, ID: rand.Text(),
		ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)), IssuedAt: jwt.NewNumericDate(now),
	})
	list, err := listed.SignedString(es256.Key)
	check(err)
	refused(request(ctx, issuer, list, oauth2.AuthStyleInParams))
	// In the header, the library adds an empty secret, which is a second way of authentication.
	signed := byGoJose(es256, "es256", "ES256", josejwt.Audience{issuer})
	_, err = request(ctx, issuer, signed, oauth2.AuthStyleInHeader)
	refusal, ok := err.(*oauth2.RetrieveError)
	must(ok && refusal.ErrorCode == "invalid_request", "two ways of authentication are refused")
	// That has not used the assertion, so the second try of the default style succeeds.
	verify(request(ctx, issuer, signed, oauth2.AuthStyleAutoDetect))
}

// signer signs a new assertion for each token request, as in docs/guides/private-key-jwt.md.
type signer struct {
	issuer, clientID, kid string
	method                jwt.SigningMethod
	key                   any
}

func (s signer) Token() (*oauth2.Token, error) {
	now := time.Now()
	assertion := jwt.NewWithClaims(s.method, jwt.MapClaims{
		"iss": s.clientID, "sub": s.clientID, "aud": s.issuer, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
	if s.kid != "" {
		assertion.Header["kid"] = s.kid
	}
	signed, err := assertion.SignedString(s.key)
	if err != nil {
		return nil, err
	}
	return request(context.Background(), s.issuer, signed, oauth2.AuthStyleInParams)
}

// request gets a token for the client that signed, whom the assertion names.
func request(ctx context.Context, issuer, assertion string, style oauth2.AuthStyle) (*oauth2.Token, error) {
	config := clientcredentials.Config{
		ClientID:  "signer",
		TokenURL:  issuer + "/token",
		AuthStyle: style,
		EndpointParams: url.Values{
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"client_assertion":      {assertion},
		},
	}
	return config.Token(ctx)
}

// byGoJose writes an audience of one as a string.
func byGoJose(key jose.JSONWebKey, kid, alg string, audience josejwt.Audience) string {
	key.KeyID = kid
	options := (&jose.SignerOptions{}).WithType("client-authentication+jwt")
	by, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, options)
	check(err)
	now := time.Now()
	signed, err := josejwt.Signed(by).Claims(josejwt.Claims{
		Issuer: "signer", Subject: "signer", Audience: audience, ID: rand.Text(),
		Expiry: josejwt.NewNumericDate(now.Add(time.Minute)), IssuedAt: josejwt.NewNumericDate(now),
	}).Serialize()
	check(err)
	return signed
}
