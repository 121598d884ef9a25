import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executors;
import org.springframework.security.authentication.AuthenticationManager;
import org.springframework.security.authentication.ProviderManager;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.AuthenticationException;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.oauth2.server.resource.authentication.BearerTokenAuthenticationToken;
import org.springframework.security.oauth2.server.resource.authentication.DPoPAuthenticationProvider;
import org.springframework.security.oauth2.server.resource.authentication.DPoPAuthenticationToken;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationProvider;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationToken;

/**
 * An API that accepts only tokens that are bound to their sender: to a key (DPoP, RFC 9449) or to a client certificate (RFC
 * 8705). Needs spring-security-oauth2-resource-server and spring-security-oauth2-jose, version 6.5 or later.
 *
 * ISSUER: the issuer. AUDIENCE: the ID of this API. URL: the address at which clients call it. PORT: where it listens.
 */
public class Api {
    static final class Rejected extends Exception {
        Rejected(String why) {
            super(why);
        }
    }

    private final AuthenticationManager tokens;
    private final AuthenticationManager proofs;
    private final String address;

    Api(String issuer, String audience, String address) {
        NimbusJwtDecoder decoder = NimbusJwtDecoder.withIssuerLocation(issuer)
            .jwsAlgorithm(SignatureAlgorithm.ES256).validateType(false).build();
        decoder.setJwtValidator(JwtValidators.createAtJwtValidator()
            .issuer(issuer).audience(audience)
            // Every client that has a token for this API.
            .validators(validators -> validators.put("client_id", new JwtClaimValidator<String>("client_id", Objects::nonNull)))
            .build());
        this.tokens = new ProviderManager(new JwtAuthenticationProvider(decoder));
        // Spring checks the proof, and remembers which ones were used in this process.
        this.proofs = new ProviderManager(new DPoPAuthenticationProvider(tokens));
        this.address = address;
    }

    Jwt verify(HttpExchange exchange) throws Exception {
        String[] authorization = one(exchange, "Authorization").split(" ", 2);
        if (authorization.length != 2) {
            throw new Rejected("a token is missing");
        }
        String token = authorization[1];
        boolean hasProof = exchange.getRequestHeaders().containsKey("DPoP");
        if (authorization[0].equalsIgnoreCase("DPoP")) {
            Authentication proven = proofs.authenticate(new DPoPAuthenticationToken(
                token, one(exchange, "DPoP"), exchange.getRequestMethod(), address + exchange.getRequestURI().getRawPath()));
            return ((JwtAuthenticationToken) proven).getToken();
        }
        if (!authorization[0].equalsIgnoreCase("Bearer") || hasProof) {
            throw new Rejected("the scheme is neither DPoP nor Bearer");
        }
        Authentication proven = tokens.authenticate(new BearerTokenAuthenticationToken(token));
        Jwt jwt = ((JwtAuthenticationToken) proven).getToken();
        checkCertificate(jwt, one(exchange, "Client-Cert"));
        return jwt;
    }

    /**
     * Checks that a token is bound to the client's certificate. The proxy that terminates TLS passes the certificate on (RFC
     * 9440), and removes this header from requests of clients.
     */
    private static void checkCertificate(Jwt jwt, String header) throws Exception {
        byte[] der = Base64.getDecoder().decode(header.replaceAll("^:|:$", ""));
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(der);
        Map<String, Object> cnf = jwt.getClaimAsMap("cnf");
        String thumbprint = Base64.getUrlEncoder().withoutPadding().encodeToString(hash);
        if (cnf == null || !thumbprint.equals(cnf.get("x5t#S256"))) {
            throw new Rejected("the token is not bound to this certificate");
        }
    }

    private static String one(HttpExchange exchange, String name) throws Rejected {
        List<String> values = exchange.getRequestHeaders().getOrDefault(name, List.of());
        if (values.size() != 1) {
            throw new Rejected("the request needs one header " + name);
        }
        return values.get(0);
    }

    private void answer(HttpExchange exchange) {
        try (exchange) {
            byte[] body = new byte[0];
            int status = 401;
            try {
                Jwt jwt = verify(exchange);
                body = ("{\"client\":\"" + jwt.getClaimAsString("client_id") + "\"}").getBytes(StandardCharsets.UTF_8);
                exchange.getResponseHeaders().set("Content-Type", "application/json");
                status = 200;
            } catch (Rejected | AuthenticationException | IllegalArgumentException error) {
                System.err.println("rejected: " + error.getMessage());
                exchange.getResponseHeaders().set("WWW-Authenticate", "DPoP error=\"invalid_token\", algs=\"ES256 PS256\"");
            }
            exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
            exchange.getResponseBody().write(body);
        } catch (Exception error) {
            error.printStackTrace();
        }
    }

    public static void main(String[] arguments) throws Exception {
        Api api = new Api(System.getenv("ISSUER"), System.getenv("AUDIENCE"), System.getenv("URL"));
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "0"));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", api::answer);
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
        System.out.println("listening on " + server.getAddress().getPort());
    }
}
