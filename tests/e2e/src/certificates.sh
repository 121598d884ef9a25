# Makes the authority of the tests, the certificate of the server, and those of clients, in the current directory.
set -eu

key() {
  openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
}

# authority FILE: one that signs.
authority() {
  key "$1"
  openssl req -x509 -new -key "$1.key" -days 30 -subj "/O=Acme/CN=Acme CA" -addext keyUsage=critical,keyCertSign -out "$1.pem"
}

# signed FILE SUBJECT AUTHORITY EXTENSION: a certificate that the authority signed.
signed() {
  [ -f "$1.key" ] || key "$1"
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  echo "$4" > extensions
  openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -CAcreateserial -days 30 -extfile extensions -out "$1.pem"
}

authority ca
# An RSA key, so that the server refuses the key exchange by RSA for no other reason than its configuration.
openssl genpkey -quiet -algorithm RSA -out server.key
signed server "/CN=127.0.0.1" ca "subjectAltName=IP:127.0.0.1"
signed billing "/O=Acme/CN=billing" ca "extendedKeyUsage=clientAuth"
signed shipping "/O=Acme/CN=shipping" ca "extendedKeyUsage=clientAuth"
# Another authority with the same name, and a client with the same names.
authority stranger-ca
signed stranger "/O=Acme/CN=billing" stranger-ca "extendedKeyUsage=clientAuth"
# Two that their own keys signed, one of them over.
key workload
openssl req -x509 -new -key workload.key -days 30 -subj "/CN=workload" -out workload.pem
key expired
openssl req -new -key expired.key -subj "/CN=expired" -out expired.csr
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=./index\nserial=./serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' > ca.cnf
: > index
echo 01 > serial
openssl ca -batch -config ca.cnf -selfsign -keyfile expired.key -in expired.csr -startdate 20200101000000Z -enddate 20210101000000Z -extfile extensions -notext -out expired.pem
# As Java reads them.
for client in billing workload; do
  openssl pkcs12 -export -inkey "$client.key" -in "$client.pem" -passout pass:changeit -out "$client.p12"
done
