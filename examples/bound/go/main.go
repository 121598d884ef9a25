// Command bound is an API that accepts only tokens that are bound to their sender: to a key (DPoP, RFC 9449) or to a client
// certificate (RFC 8705).
//
// ISSUER: the issuer. AUDIENCE: the ID of this API. URL: the address at which clients call it. PORT: where it listens.
package main

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// The time of a proof may be this far back, and this far ahead.
const (
	back  = time.Minute
	ahead = 10 * time.Second
)

type api struct {
	verifier *oidc.IDTokenVerifier
	address  string
	mutex    sync.Mutex
	// The IDs of proofs that were used, and when they are over. Several instances of an API need one store for all.
	used map[[32]byte]time.Time
}

// claims of an access token.
type claims struct {
	Client string `json:"client_id"`
	Cnf    struct {
		Key         string `json:"jkt,omitempty"`
		Certificate string `json:"x5t#S256,omitempty"`
	} `json:"cnf"`
}

// verify returns the claims of a request with a bound token.
func (a *api) verify(request *http.Request) (*claims, error) {
	scheme, raw, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	head, _, _ := strings.Cut(raw, ".")
	var header struct{ Typ string }
	if text, err := base64.RawURLEncoding.DecodeString(head); err != nil || json.Unmarshal(text, &header) != nil || header.Typ != "at+jwt" {
		return nil, errors.New("this is no access token")
	}
	token, err := a.verifier.Verify(request.Context(), raw)
	if err != nil {
		return nil, err
	}
	var of claims
	if err := token.Claims(&of); err != nil {
		return nil, err
	}
	switch {
	case strings.EqualFold(scheme, "DPoP"):
		return &of, a.checkProof(request, raw, of.Cnf.Key)
	case strings.EqualFold(scheme, "Bearer"):
		return &of, checkCertificate(request, of.Cnf.Certificate)
	}
	return nil, errors.New("the scheme is neither DPoP nor Bearer")
}

// checkProof checks the proof in a request with a token that is bound to a key (RFC 9449 section 4.3).
func (a *api) checkProof(request *http.Request, token, bound string) error {
	proofs := request.Header.Values("DPoP")
	if len(proofs) != 1 || bound == "" {
		return errors.New("the request needs a proof, and a token that is bound to a key")
	}
	proof, err := jose.ParseSignedCompact(proofs[0], []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA})
	if err != nil {
		return err
	}
	header := proof.Signatures[0].Protected
	key := header.JSONWebKey
	if header.ExtraHeaders[jose.HeaderType] != "dpop+jwt" || key == nil || !key.IsPublic() {
		return errors.New("this is no proof")
	}
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	if err != nil || base64.RawURLEncoding.EncodeToString(thumbprint) != bound {
		return errors.New("the token is not bound to the key of the proof")
	}
	payload, err := proof.Verify(key)
	if err != nil {
		return err
	}
	var of struct {
		ID     string  `json:"jti"`
		Method string  `json:"htm"`
		URI    string  `json:"htu"`
		Time   float64 `json:"iat"`
		Hash   string  `json:"ath"`
	}
	if err := json.Unmarshal(payload, &of); err != nil {
		return err
	}
	uri, err := url.Parse(of.URI)
	if err != nil {
		return err
	}
	// Query and fragment do not count, nor do the case of scheme and host, and the default port.
	host := strings.ToLower(uri.Host)
	if uri.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	if of.Method != request.Method || uri.Scheme+"://"+host+uri.EscapedPath() != a.address+request.URL.EscapedPath() {
		return errors.New("the proof is for another request")
	}
	sum := sha256.Sum256([]byte(token))
	if of.Hash != base64.RawURLEncoding.EncodeToString(sum[:]) {
		return errors.New("the proof is for another token")
	}
	now := time.Now()
	if age := now.Sub(time.Unix(int64(of.Time), 0)); age > back || age < -ahead {
		return errors.New("the proof is too old, or its time is ahead")
	}
	if of.ID == "" || !a.isFirstUse(of.ID, now) {
		return errors.New("the proof was used before")
	}
	return nil
}

func (a *api) isFirstUse(id string, now time.Time) bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for known, until := range a.used {
		if until.Before(now) {
			delete(a.used, known)
		}
	}
	hash := sha256.Sum256([]byte(id))
	_, isUsed := a.used[hash]
	a.used[hash] = now.Add(back + ahead)
	return !isUsed
}

// checkCertificate checks that a token is bound to the client's certificate. The proxy that terminates TLS passes the
// certificate on (RFC 9440), and removes this header from requests of clients.
func checkCertificate(request *http.Request, bound string) error {
	if len(request.Header.Values("DPoP")) > 0 {
		return errors.New("a proof needs the scheme DPoP")
	}
	encoded := request.Header.Get("Client-Cert")
	der, err := base64.StdEncoding.DecodeString(strings.Trim(encoded, ":"))
	if err != nil || len(der) == 0 {
		return errors.New("a certificate is missing")
	}
	sum := sha256.Sum256(der)
	if bound != base64.RawURLEncoding.EncodeToString(sum[:]) {
		return errors.New("the token is not bound to this certificate")
	}
	return nil
}

func main() {
	provider, err := oidc.NewProvider(context.Background(), os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{
		ClientID:             os.Getenv("AUDIENCE"), // what this library calls the audience
		SupportedSigningAlgs: []string{"ES256", "PS256", "EdDSA"},
	})
	a := &api{verifier: verifier, address: os.Getenv("URL"), used: map[[32]byte]time.Time{}}
	http.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) {
		of, err := a.verify(request)
		if err != nil {
			log.Print("rejected: ", err)
			response.Header().Set("WWW-Authenticate", `DPoP error="invalid_token", algs="ES256 PS256 EdDSA"`)
			response.WriteHeader(http.StatusUnauthorized)
			return
		}
		response.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(response).Encode(map[string]any{"client": of.Client, "cnf": of.Cnf})
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, nil))
}
