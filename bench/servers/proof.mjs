// Prints a DPoP proof (RFC 9449 §4.2) by a new ES256 key for the URL that is given. The issuer accepts it for a bit more
// than a minute, longer than one measurement.
import { generateKeyPairSync, randomUUID, sign } from "node:crypto";

const [htu] = process.argv.slice(2);
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const header = { typ: "dpop+jwt", alg: "ES256", jwk: publicKey.export({ format: "jwk" }) };
const claims = { jti: randomUUID(), htm: "POST", htu, iat: Math.floor(Date.now() / 1000) + 8 };
const input = `${encoded(header)}.${encoded(claims)}`;
const signature = sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
console.log(`${input}.${signature.toString("base64url")}`);
