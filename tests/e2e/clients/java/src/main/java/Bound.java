import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.OAuth2Error;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.PKITLSClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.auth.SelfSignedTLSClientAuthentication;
import com.nimbusds.oauth2.sdk.dpop.DPoPProofFactory;
import com.nimbusds.oauth2.sdk.dpop.DefaultDPoPProofFactory;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import com.nimbusds.oauth2.sdk.token.AccessTokenType;
import com.nimbusds.openid.connect.sdk.Nonce;
import java.io.FileInputStream;
import java.net.URI;
import java.security.KeyStore;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;

/**
 * Nimbus's SDK: tokens that are bound to a key, by proofs that it signs (RFC 9449), and tokens for clients with a certificate
 * (RFC 8705). Prints a line of JSON for each token.
 */
public class Bound {
    private static AuthorizationServerMetadata metadata;

    public static void main(String[] arguments) throws Exception {
        String issuer = arguments[0], id = arguments[1], secret = arguments[2], resource = arguments[3], api = arguments[4];
        metadata = AuthorizationServerMetadata.resolve(new Issuer(issuer));
        Client.must(metadata.getDPoPJWSAlgs().contains(JWSAlgorithm.ES256), () -> "the algorithms of proofs");
        ClientAuthentication basic = new ClientSecretBasic(new ClientID(id), new Secret(secret));
        for (String name : arguments[5].split(" ")) {
            JWSAlgorithm algorithm = JWSAlgorithm.parse(name);
            // For Ed25519, the SDK needs another library.
            if (algorithm.equals(JWSAlgorithm.Ed25519)) {
                continue;
            }
            JWK key = algorithm.equals(JWSAlgorithm.ES256) ? new ECKeyGenerator(Curve.P_256).generate() : new RSAKeyGenerator(2048).generate();
            DPoPProofFactory proofs = key instanceof RSAKey rsa
                ? new DefaultDPoPProofFactory(rsa, algorithm) : new DefaultDPoPProofFactory(key.toECKey(), algorithm);
            HTTPResponse answer = ask(basic, resource, proofs, null);
            // The SDK leaves the second attempt to the application.
            if (answer.getDPoPNonce() != null && answer.getStatusCode() == 400) {
                answer = ask(basic, resource, proofs, answer.getDPoPNonce());
            }
            AccessToken token = TokenResponse.parse(answer).toSuccessResponse().getTokens().getDPoPAccessToken();
            Client.must(token.getType().equals(AccessTokenType.DPOP), () -> "the type");
            print("Nimbus with " + algorithm, token, "jkt", key.computeThumbprint().toString());
            HTTPRequest call = new HTTPRequest(HTTPRequest.Method.GET, URI.create(api));
            call.setAuthorization(token.toAuthorizationHeader());
            call.setDPoP(proofs.createDPoPJWT("GET", URI.create(api), token));
            Client.must(call.send().getStatusCode() == 200, () -> "the API accepts the token");
        }
        TokenResponse bearer = TokenResponse.parse(ask(basic, resource, null, null));
        Client.must(
            !bearer.indicatesSuccess() && OAuth2Error.INVALID_DPOP_PROOF.getCode().equals(bearer.toErrorResponse().getErrorObject().getCode()),
            () -> "a bearer token is refused");
        // With the certificates in this folder.
        certificates(arguments[6]);
    }

    private static void certificates(String folder) throws Exception {
        SSLSocketFactory billing = presenting(folder + "/billing.p12"), workload = presenting(folder + "/workload.p12");
        for (ClientAuthentication by : List.of(
                new PKITLSClientAuthentication(new ClientID("certified-bound"), billing),
                new SelfSignedTLSClientAuthentication(new ClientID("self-signed"), workload))) {
            URI endpoint = metadata.getMtlsEndpointAliases().getTokenEndpointURI();
            HTTPRequest request = new TokenRequest.Builder(endpoint, by, new ClientCredentialsGrant()).build().toHTTPRequest();
            AccessToken token = TokenResponse.parse(request.send()).toSuccessResponse().getTokens().getBearerAccessToken();
            print("Nimbus with " + by.getMethod(), token, "certificate", by.getClientID().getValue());
        }
    }

    private static HTTPResponse ask(ClientAuthentication by, String resource, DPoPProofFactory proofs, Nonce nonce) throws Exception {
        URI endpoint = metadata.getTokenEndpointURI();
        HTTPRequest request = new TokenRequest.Builder(endpoint, by, new ClientCredentialsGrant())
            .scope(new Scope("read")).resources(URI.create(resource)).build().toHTTPRequest();
        if (proofs != null) {
            request.setDPoP(nonce == null ? proofs.createDPoPJWT("POST", endpoint) : proofs.createDPoPJWT("POST", endpoint, nonce));
        }
        return request.send();
    }

    private static SSLSocketFactory presenting(String file) throws Exception {
        char[] password = "changeit".toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream stream = new FileInputStream(file)) {
            store.load(stream, password);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context.getSocketFactory();
    }

    private static void print(String library, AccessToken token, String member, String value) {
        System.out.println("{\"library\":\"" + library + "\",\"token\":\"" + token.getValue() + "\",\"" + member + "\":\"" + value + "\"}");
    }
}
