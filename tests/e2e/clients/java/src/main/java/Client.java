import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.BadJWTException;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenIntrospectionRequest;
import com.nimbusds.oauth2.sdk.TokenIntrospectionResponse;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.TokenRevocationRequest;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.ClientSecretPost;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import com.nimbusds.oauth2.sdk.token.AccessTokenType;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import java.net.URI;
import java.util.List;
import java.util.Set;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;

/**
 * Nimbus's SDK as client and validator of RFC 9068, Spring Security as resource server, and Apache HttpClient. With a file
 * of keys also clients with assertions.
 */
public class Client {
    public static void main(String[] arguments) throws Exception {
        String issuer = arguments[0], id = arguments[1], secret = arguments[2], resource = arguments[3];
        String algorithm = arguments[4];
        AuthorizationServerMetadata metadata = AuthorizationServerMetadata.resolve(new Issuer(issuer));
        // The SDK's parser of OpenID providers requires more members.
        for (AuthorizationServerMetadata one : List.of(metadata, OIDCProviderMetadata.resolve(new Issuer(issuer)))) {
            must(one.getAuthorizationEndpointURI().equals(URI.create(issuer + "/auth")), () -> "the authorization endpoint");
            must(!one.getResponseTypes().isEmpty(), () -> "the response types");
        }
        Apache.getTokens(metadata.getTokenEndpointURI(), id, secret, resource);

        AccessToken token = null;
        ClientID client = new ClientID(id);
        ClientAuthentication basic = new ClientSecretBasic(client, new Secret(secret));
        for (ClientAuthentication by : List.of(basic, new ClientSecretPost(client, new Secret(secret)))) {
            TokenRequest request = new TokenRequest.Builder(
                    metadata.getTokenEndpointURI(), by, new ClientCredentialsGrant())
                .scope(new Scope("read")).resources(URI.create(resource)).build();
            TokenResponse response = TokenResponse.parse(request.toHTTPRequest().send());
            must(response.indicatesSuccess(), () -> response.toErrorResponse().toJSONObject().toString());
            token = response.toSuccessResponse().getTokens().getAccessToken();
            must(token.getType().equals(AccessTokenType.BEARER), () -> "the type");
            must(token.getScope().equals(new Scope("read")), () -> "the scope");
        }

        // Nimbus, with the rules of RFC 9068 section 4.
        JWTClaimsSet claims = validator(metadata, algorithm, resource).process(token.getValue(), null);
        must(claims.getStringClaim("client_id").equals(id), () -> "the client");
        String value = token.getValue();
        refused(BadJWTException.class, () -> validator(metadata, algorithm, "https://elsewhere.example/").process(value, null));

        // Spring Security, configured as a resource server.
        must(spring(issuer, algorithm, id, resource).decode(value).getAudience().equals(List.of(resource)), () -> "the audience");
        refused(JwtException.class, () -> spring(issuer, algorithm, id, "https://elsewhere.example/").decode(value));

        // Introspection (RFC 7662) and revocation (RFC 7009).
        must(introspect(metadata, basic, token).toSuccessResponse().isActive(), () -> "it is active");
        HTTPResponse revoked =
            new TokenRevocationRequest(metadata.getRevocationEndpointURI(), basic, token).toHTTPRequest().send();
        must(revoked.getStatusCode() == 200, () -> "it is revoked");
        must(!introspect(metadata, basic, token).toSuccessResponse().isActive(), () -> "it is no longer active");
        if (arguments.length > 5) {
            Assertions.check(metadata, algorithm, arguments[5]);
        }
        System.out.println("verified");
    }

    static DefaultJWTProcessor<SecurityContext> validator(
            AuthorizationServerMetadata metadata, String algorithm, String audience) throws Exception {
        DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();
        processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
        processor.setJWSKeySelector(new JWSVerificationKeySelector<>(
            JWSAlgorithm.parse(algorithm), JWKSourceBuilder.create(metadata.getJWKSetURI().toURL()).build()));
        processor.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(
            audience,
            new JWTClaimsSet.Builder().issuer(metadata.getIssuer().getValue()).build(),
            Set.of("sub", "iat", "exp", "jti", "client_id")));
        return processor;
    }

    static NimbusJwtDecoder spring(String issuer, String algorithm, String client, String audience) {
        NimbusJwtDecoder decoder = NimbusJwtDecoder.withIssuerLocation(issuer)
            .jwsAlgorithm(SignatureAlgorithm.from(algorithm)).validateType(false).build();
        decoder.setJwtValidator(
            JwtValidators.createAtJwtValidator().issuer(issuer).audience(audience).clientId(client).build());
        return decoder;
    }

    static TokenIntrospectionResponse introspect(
            AuthorizationServerMetadata metadata, ClientAuthentication by, AccessToken token) throws Exception {
        return TokenIntrospectionResponse.parse(
            new TokenIntrospectionRequest(metadata.getIntrospectionEndpointURI(), by, token).toHTTPRequest().send());
    }

    interface Attempt {
        void run() throws Exception;
    }

    static void refused(Class<? extends Exception> by, Attempt attempt) throws Exception {
        try {
            attempt.run();
        } catch (Exception refusal) {
            must(by.isInstance(refusal), refusal::toString);
            return;
        }
        throw new AssertionError("it was not refused");
    }

    static void must(boolean holds, java.util.function.Supplier<String> what) {
        if (!holds) {
            throw new AssertionError(what.get());
        }
    }
}
