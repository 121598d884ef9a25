// Command bound gets tokens that are bound to a key (RFC 9449) with golang.org/x/oauth2, which has no code for proofs. A
// http.RoundTripper adds them, signed by go-jose. It prints a line of JSON for each token.
package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// prover adds a proof to each request, and makes a second attempt with the nonce that the server wants.
type prover struct {
	signer jose.Signer
	nonce  string
}

func (p *prover) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := p.once(request)
	if nonce := answer.nonce(); err == nil && nonce != "" && answer.StatusCode == http.StatusBadRequest {
		answer.Body.Close()
		p.nonce = nonce
		answer, err = p.once(request)
	}
	return answer.Response, err
}

type response struct{ *http.Response }

func (r response) nonce() string {
	if r.Response == nil {
		return ""
	}
	return r.Header.Get("DPoP-Nonce")
}

func (p *prover) once(request *http.Request) (response, error) {
	again := request.Clone(request.Context())
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return response{}, err
		}
		again.Body = body
	}
	proof, err := p.proof(request.Method, request.URL, request.Header.Get("Authorization"))
	if err != nil {
		return response{}, err
	}
	again.Header.Set("DPoP", proof)
	answer, err := http.DefaultTransport.RoundTrip(again)
	return response{answer}, err
}

func (p *prover) proof(method string, of *url.URL, authorization string) (string, error) {
	claims := map[string]any{
		"jti": rand.Text(), "htm": method, "htu": of.Scheme + "://" + of.Host + of.EscapedPath(), "iat": time.Now().Unix(),
	}
	if p.nonce != "" {
		claims["nonce"] = p.nonce
	}
	if token, isDPoP := bytes.CutPrefix([]byte(authorization), []byte("DPoP ")); isDPoP {
		sum := sha256.Sum256(token)
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return jwt.Signed(p.signer).Claims(claims).Serialize()
}

func main() {
	issuer, id, secret, resource, api := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	check(err)
	client := &http.Client{Transport: &prover{signer: signer}}
	config := clientcredentials.Config{
		ClientID: id, ClientSecret: secret, TokenURL: issuer + "/token", Scopes: []string{"read"},
		EndpointParams: url.Values{"resource": {resource}},
	}
	token, err := config.Token(context.WithValue(context.Background(), oauth2.HTTPClient, client))
	check(err)
	must(token.Type() == "DPoP", "the type")
	thumbprint, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	check(err)
	line, err := json.Marshal(map[string]string{
		"library": "x/oauth2 and go-jose", "token": token.AccessToken,
		"jkt": base64.RawURLEncoding.EncodeToString(thumbprint),
	})
	check(err)
	fmt.Println(string(line))

	call, err := http.NewRequest("GET", api, nil)
	check(err)
	token.SetAuthHeader(call)
	answer, err := client.Do(call)
	check(err)
	text, _ := io.ReadAll(answer.Body)
	must(answer.StatusCode == http.StatusOK, string(text))

	_, err = config.Token(context.Background())
	refusal, ok := err.(*oauth2.RetrieveError)
	must(ok && refusal.ErrorCode == "invalid_dpop_proof", "a bearer token is refused")
}

func must(holds bool, what string) {
	if !holds {
		log.Fatalf("not so: %s", what)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
