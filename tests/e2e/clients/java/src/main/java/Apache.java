import java.net.URI;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.apache.hc.client5.http.classic.methods.HttpPost;
import org.apache.hc.client5.http.entity.UrlEncodedFormEntity;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.io.support.ClassicRequestBuilder;
import org.apache.hc.core5.http.message.BasicNameValuePair;

/** Apache HttpClient 5 with its defaults: it says of a form that it is in ISO-8859-1. */
final class Apache {
    private static final String LATIN_1 = "application/x-www-form-urlencoded; charset=ISO-8859-1";

    static void getTokens(URI endpoint, String id, String secret, String resource) throws Exception {
        List<String> sent = new ArrayList<>();
        try (CloseableHttpClient client = HttpClients.custom()
                .addRequestInterceptorLast((request, entity, context) -> sent.add(entity.getContentType())).build()) {
            HttpPost form = new HttpPost(endpoint);
            form.setEntity(new UrlEncodedFormEntity(List.of(
                new BasicNameValuePair("grant_type", "client_credentials"),
                new BasicNameValuePair("client_id", id),
                new BasicNameValuePair("client_secret", secret),
                new BasicNameValuePair("resource", resource))));
            String basic = Base64.getEncoder().encodeToString((id + ":" + secret).getBytes());
            for (ClassicHttpRequest request : List.of(
                    form,
                    ClassicRequestBuilder.post(endpoint).addHeader("Authorization", "Basic " + basic)
                        .addParameter("grant_type", "client_credentials").addParameter("resource", resource).build())) {
                String answer = client.execute(request, response -> response.getCode() + EntityUtils.toString(response.getEntity()));
                Client.must(answer.startsWith("200{\"access_token\":"), () -> answer);
            }
            // Text that is not ASCII is then not UTF-8, whatever the header says.
            ClassicHttpRequest latin1 = ClassicRequestBuilder.post(endpoint).addHeader("Authorization", "Basic " + basic)
                .addParameter("grant_type", "client_credentials").addParameter("nonce", "\u00e9").build();
            int status = client.execute(latin1, response -> response.getCode());
            Client.must(status == 400, () -> "a value in ISO-8859-1 gets " + status);
        }
        Client.must(sent.equals(List.of(LATIN_1, LATIN_1, LATIN_1)), sent::toString);
    }

    private Apache() {}
}
