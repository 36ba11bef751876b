#!/bin/sh
# Makes a private authority and its certificate for Akismet's host names, in the folder `tls`. Run it once.
set -eu
umask 077
mkdir tls
cd tls
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=Comments of this machine" \
    -addext "keyUsage=critical,keyCertSign" -keyout authority.key -out authority.pem
openssl req -newkey rsa:2048 -nodes -subj "/CN=rest.akismet.com" -keyout rest.key -out rest.csr
echo "subjectAltName=DNS:rest.akismet.com,DNS:*.rest.akismet.com" >names
openssl x509 -req -in rest.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 3650 -extfile names -out rest.pem
# The comment system still trusts all other authorities, for its mail and its sign-in.
cat /etc/ssl/certs/ca-certificates.crt authority.pem >bundle.pem
# A container may run as any user. These two are no secrets.
chmod 644 authority.pem bundle.pem
chmod 755 .
# With its key gone, the authority signs nothing else.
rm authority.key rest.csr names
