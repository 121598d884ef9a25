// Terminates TLS in front of a Worker where nginx is not installed, and reports about client certificates in a header.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { request as forward } from "node:http";

const [certificates, worker, port, mtlsPort, header] = process.argv.slice(1);
const file = (name) => readFileSync(`${certificates}/${name}`);
const options = {
  key: file("server.key"),
  cert: file("server.pem"),
  // BCP 195.
  minVersion: "TLSv1.2",
  ciphers: "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384",
  rejectUnauthorized: false,
};

// With the option `ca`, the server would tell clients which authorities may have issued their certificates. Some would not
// present another one.
const authority = new X509Certificate(file("ca.pem"));
const isVerified = (certificate) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

/** `O=Acme\nCN=billing`, in the order of the certificate → `CN=billing,O=Acme`, the form of RFC 2253. */
const name = (lines) => (lines ?? "").split("\n").reverse().join(",");

function report(socket) {
  const certificate = socket.getPeerX509Certificate();
  const verified = certificate === undefined ? "NONE" : isVerified(certificate) ? "SUCCESS" : "FAILED:unable to verify";
  return {
    certPresented: certificate === undefined ? "0" : "1",
    certVerified: verified,
    certRevoked: "0",
    certSubjectDNRFC2253: name(certificate?.subject),
    certIssuerDNRFC2253: name(certificate?.issuer),
    certNotBefore: certificate?.validFrom ?? "",
    certNotAfter: certificate?.validTo ?? "",
    certRFC9440: certificate === undefined ? "" : `:${certificate.raw.toString("base64")}:`,
  };
}

function serve(request, response) {
  // Also replaces what a client sends.
  const headers = { ...request.headers, "x-forwarded-proto": "https", [header]: JSON.stringify({ tlsClientAuth: report(request.socket) }) };
  const { method, url: path } = request;
  const onward = forward({ host: "127.0.0.1", port: worker, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}

const listen = (options, port) =>
  new Promise((done) => createServer(options, serve).listen(Number(port), "127.0.0.1", done));
await listen(options, port);
await listen({ ...options, requestCert: true }, mtlsPort);
console.log("listening");
