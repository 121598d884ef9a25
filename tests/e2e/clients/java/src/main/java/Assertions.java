import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.OAuth2Error;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.TokenRevocationRequest;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientAuthenticationMethod;
import com.nimbusds.oauth2.sdk.auth.JWTAuthenticationClaimsSet;
import com.nimbusds.oauth2.sdk.auth.PrivateKeyJWT;
import com.nimbusds.oauth2.sdk.id.Audience;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.springframework.security.oauth2.client.endpoint.NimbusJwtClientAuthenticationParametersConverter;
import org.springframework.security.oauth2.client.endpoint.OAuth2ClientCredentialsGrantRequest;
import org.springframework.security.oauth2.client.endpoint.RestClientClientCredentialsTokenResponseClient;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.OAuth2AuthorizationException;

/** Nimbus's SDK and Spring Security with assertions that they sign (RFC 7523). */
final class Assertions {
    /** Spring reads the error only from a response with status 400, and shows the body of others. */
    private static final String INVALID_CLIENT = "\"invalid_client\"";

    private final AuthorizationServerMetadata metadata;
    private final String issuer;
    private final String algorithm;
    private final Map<String, Object> keys;

    private Assertions(AuthorizationServerMetadata metadata, String algorithm, String keysFile) throws Exception {
        this.metadata = metadata;
        this.issuer = metadata.getIssuer().getValue();
        this.algorithm = algorithm;
        this.keys = JSONObjectUtils.parse(Files.readString(Path.of(keysFile)));
    }

    static void check(AuthorizationServerMetadata metadata, String algorithm, String keysFile) throws Exception {
        Assertions assertions = new Assertions(metadata, algorithm, keysFile);
        assertions.nimbus();
        assertions.spring();
    }

    private JWK key(String name, String kid, String alg) throws Exception {
        Map<String, Object> jwk = new HashMap<>(JSONObjectUtils.getJSONObject(keys, name));
        jwk.put("kid", kid);
        if (alg != null) {
            jwk.put("alg", alg);
        }
        return JWK.parse(jwk);
    }

    private void nimbus() throws Exception {
        Client.must(
            metadata.getTokenEndpointAuthMethods().contains(ClientAuthenticationMethod.PRIVATE_KEY_JWT)
                && metadata.getTokenEndpointJWSAlgs().contains(JWSAlgorithm.ES256), () -> "the method is announced");
        // The SDK has no Ed25519 here.
        Client.must(!PrivateKeyJWT.supportedJWAs().contains(JWSAlgorithm.EdDSA), () -> "Nimbus signs with Ed25519");
        ClientID id = new ClientID("signer");
        PrivateKey es256 = key("signer-ES256", "es256", null).toECKey().toPrivateKey();
        PrivateKey rsa = key("signer-RSA", "ps256", null).toRSAKey().toPrivateKey();
        // The parameter is named after the token endpoint, and becomes the audience.
        URI audience = URI.create(issuer);
        for (String kid : new String[] {"es256", null}) {
            granted(new PrivateKeyJWT(id, audience, JWSAlgorithm.ES256, es256, kid, null));
        }
        AccessToken token = granted(new PrivateKeyJWT(id, audience, JWSAlgorithm.PS256, rsa, "ps256", null));
        Client.validator(metadata, algorithm, issuer).process(token.getValue(), null);
        ClientAuthentication by = new PrivateKeyJWT(id, audience, JWSAlgorithm.ES256, es256, "es256", null);
        Client.must(Client.introspect(metadata, by, token).toSuccessResponse().isActive(), () -> "it is active");
        by = new PrivateKeyJWT(id, audience, JWSAlgorithm.ES256, es256, "es256", null);
        int revoked = new TokenRevocationRequest(metadata.getRevocationEndpointURI(), by, token).toHTTPRequest().send().getStatusCode();
        Client.must(revoked == 200, () -> "it is revoked");
        // The same object has the same assertion.
        refused(by);
        refused(new PrivateKeyJWT(id, metadata.getTokenEndpointURI(), JWSAlgorithm.ES256, es256, "es256", null));
        refused(new PrivateKeyJWT(id, audience, JWSAlgorithm.RS256, rsa, "ps256", null));
        List<Audience> both = List.of(new Audience(issuer), new Audience(metadata.getTokenEndpointURI()));
        JWTAuthenticationClaimsSet one = new JWTAuthenticationClaimsSet(id, both.get(0));
        refused(new PrivateKeyJWT(
            new JWTAuthenticationClaimsSet(id, both, one.getExpirationTime(), null, one.getIssueTime(), one.getJWTID()),
            JWSAlgorithm.ES256, es256, "es256", null));
        ClientID endpoint = new ClientID("endpoint-signer");
        granted(new PrivateKeyJWT(endpoint, metadata.getTokenEndpointURI(), JWSAlgorithm.ES256, es256, "es256", null));
    }

    private TokenResponse ask(ClientAuthentication by) throws Exception {
        TokenRequest request =
            new TokenRequest.Builder(metadata.getTokenEndpointURI(), by, new ClientCredentialsGrant()).build();
        return TokenResponse.parse(request.toHTTPRequest().send());
    }

    private AccessToken granted(ClientAuthentication by) throws Exception {
        TokenResponse response = ask(by);
        Client.must(response.indicatesSuccess(), () -> response.toErrorResponse().toJSONObject().toString());
        return response.toSuccessResponse().getTokens().getAccessToken();
    }

    private void refused(ClientAuthentication by) throws Exception {
        TokenResponse response = ask(by);
        Client.must(
            !response.indicatesSuccess() && OAuth2Error.INVALID_CLIENT.equals(response.toErrorResponse().getErrorObject()),
            () -> "it was not refused");
    }

    private void spring() throws Exception {
        JWK es256 = key("signer-ES256", "es256", null);
        for (JWK key : List.of(es256, key("signer-RSA", "ps256", "PS256"))) {
            String token = spring("signer", key, true);
            Client.must(
                Client.spring(issuer, algorithm, "signer", issuer).decode(token).getSubject().equals("signer"),
                () -> "the subject");
        }
        // Spring knows no Ed25519.
        springRefused("signer", key("signer-EdDSA", "eddsa", "EdDSA"), true, "Unable to resolve JWS (signing) algorithm");
        // Without `alg`, Spring signs with RS256.
        springRefused("signer", key("signer-RSA", "ps256", null), true, INVALID_CLIENT);
        // The audience is by default the token endpoint.
        springRefused("signer", es256, false, INVALID_CLIENT);
        spring("endpoint-signer", es256, false);
    }

    /** The lines of docs/guides/private-key-jwt.md. */
    private String spring(String id, JWK key, boolean forIssuer) {
        ClientRegistration registration = ClientRegistration.withRegistrationId("edgemint").clientId(id)
            .clientAuthenticationMethod(org.springframework.security.oauth2.core.ClientAuthenticationMethod.PRIVATE_KEY_JWT)
            .authorizationGrantType(AuthorizationGrantType.CLIENT_CREDENTIALS)
            .tokenUri(metadata.getTokenEndpointURI().toString()).build();
        var converter = new NimbusJwtClientAuthenticationParametersConverter<OAuth2ClientCredentialsGrantRequest>(of -> key);
        if (forIssuer) {
            converter.setJwtClientAssertionCustomizer(context -> context.getClaims().audience(List.of(issuer)));
        }
        var tokens = new RestClientClientCredentialsTokenResponseClient();
        tokens.addParametersConverter(converter);
        return tokens.getTokenResponse(new OAuth2ClientCredentialsGrantRequest(registration)).getAccessToken().getTokenValue();
    }

    private void springRefused(String id, JWK key, boolean forIssuer, String why) {
        try {
            spring(id, key, forIssuer);
        } catch (OAuth2AuthorizationException refusal) {
            Client.must(refusal.getMessage().contains(why), refusal::toString);
            return;
        }
        throw new AssertionError("it was not refused");
    }
}
