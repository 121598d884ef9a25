// Command mcp is a server with MCP's Go SDK that names edgemint in its metadata (RFC 9728) and verifies the tokens, and
// a client that discovers edgemint through that server.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/auth/extauth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

var issuer, id, secret, resource string

func main() {
	if len(os.Args) < 5 {
		log.Fatal("arguments: issuer, client, secret, resource")
	}
	issuer, id, secret, resource = os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	ctx := context.Background()

	// The SDK validates both documents.
	for _, document := range []string{"oauth-authorization-server", "openid-configuration"} {
		metadata, err := oauthex.GetAuthServerMeta(ctx, issuer+"/.well-known/"+document, issuer, http.DefaultClient)
		check(err)
		must(metadata != nil && metadata.AuthorizationEndpoint == issuer+"/auth", document)
	}

	at, err := url.Parse(resource)
	check(err)
	metadataPath := "/.well-known/oauth-protected-resource" + at.Path
	mux := http.NewServeMux()
	mux.Handle(metadataPath, auth.ProtectedResourceMetadataHandler(&oauthex.ProtectedResourceMetadata{
		Resource: resource, AuthorizationServers: []string{issuer}, ScopesSupported: []string{"tools"},
	}))
	provider, err := oidc.NewProvider(ctx, issuer)
	check(err)
	protected := auth.RequireBearerToken(verifier(provider), &auth.RequireBearerTokenOptions{
		ResourceMetadataURL: at.Scheme + "://" + at.Host + metadataPath, Scopes: []string{"tools"},
	})
	mux.Handle(at.Path, protected(mcp.NewStreamableHTTPHandler(
		func(*http.Request) *mcp.Server { return server() }, &mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true},
	)))
	var asked sync.Map
	listener, err := net.Listen("tcp", at.Host)
	check(err)
	go func() {
		log.Fatal(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Store(r.URL.Path, true)
			mux.ServeHTTP(w, r)
		})))
	}()

	said, err := whoami(ctx, secret)
	check(err)
	must(said == id, "the server knows the client")
	_, err = whoami(ctx, "wrong")
	must(err != nil && strings.Contains(err.Error(), "invalid_client"), "a wrong secret is refused")
	// Neither the secret nor a request for the issuer's metadata reached the server itself.
	asked.Range(func(path, _ any) bool {
		must(path == at.Path || path == metadataPath, fmt.Sprint(path))
		return true
	})
	fmt.Println("verified")
}

func verifier(provider *oidc.Provider) auth.TokenVerifier {
	verifier := provider.Verifier(&oidc.Config{ClientID: resource, SupportedSigningAlgs: []string{"ES256"}})
	return func(ctx context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
		verified, err := verifier.Verify(ctx, token)
		if err != nil {
			return nil, errors.Join(auth.ErrInvalidToken, err)
		}
		var claims struct {
			ClientID string `json:"client_id"`
			Scope    string `json:"scope"`
		}
		if err := verified.Claims(&claims); err != nil {
			return nil, errors.Join(auth.ErrInvalidToken, err)
		}
		return &auth.TokenInfo{UserID: claims.ClientID, Scopes: strings.Fields(claims.Scope), Expiration: verified.Expiry}, nil
	}
}

func server() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami"},
		func(_ context.Context, request *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
			caller := request.Extra.TokenInfo.UserID
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: caller}}}, nil, nil
		})
	return server
}

func whoami(ctx context.Context, with string) (string, error) {
	handler, err := extauth.NewClientCredentialsHandler(&extauth.ClientCredentialsHandlerConfig{
		Credentials: &oauthex.ClientCredentials{
			ClientID: id, ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: with}, Issuer: issuer,
		},
	})
	check(err)
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: resource, OAuthHandler: handler, DisableStandaloneSSE: true, MaxRetries: -1,
	}, nil)
	if err != nil {
		return "", err
	}
	defer session.Close()
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "whoami"})
	if err != nil {
		return "", err
	}
	must(len(result.Content) == 1, "one answer")
	return result.Content[0].(*mcp.TextContent).Text, nil
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
