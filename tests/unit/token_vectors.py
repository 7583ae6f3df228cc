#!/usr/bin/env python3
"""Writes tests/unit/token_vectors.h: keys, and a token in each algorithm, made by PyJWT (Debian:
python3-jwt, python3-cryptography). Each run makes other keys; it was run once."""

import base64
import json

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLAIMS = {"sub": "alice", "exp": 4102444800, "longwire": {"subscribe": ["users/{sub}/#"]}}
SECRET = "0123456789abcdef0123456789ABCDEF"


def number(value, size):
    return base64.urlsafe_b64encode(value.to_bytes(size, "big")).rstrip(b"=").decode()


def pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def rsa_jwk(key):
    n = key.public_key().public_numbers()
    return {"kty": "RSA", "n": number(n.n, key.key_size // 8), "e": number(n.e, 3)}


def ec_jwk(key, crv):
    n = key.public_key().public_numbers()
    size = (key.key_size + 7) // 8
    return {"kty": "EC", "crv": crv, "x": number(n.x, size), "y": number(n.y, size)}


def put(name, text):
    print(f"static const char {name}[] =")
    pieces = [text[i:i + 70] for i in range(0, len(text), 70)]
    print("\n".join("    " + json.dumps(piece) for piece in pieces) + ";")


def main():
    r = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    p256, p384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
    p521 = ec.generate_private_key(ec.SECP521R1())
    print("/* Written by token_vectors.py: keys, and tokens that PyJWT has made with them. */")
    print("/* clang-format off */")
    for name, key in (("rsa", r), ("rsa_short", short), ("p256", p256), ("p384", p384),
                      ("p521", p521)):
        put(name + "_pem", pem(key))
    put("rsa_private_pem", private_pem(r))
    put("p256_private_pem", private_pem(p256))
    put("rsa_jwk", json.dumps(rsa_jwk(r)))
    put("p256_jwk", json.dumps(ec_jwk(p256, "P-256")))
    put("p384_jwk", json.dumps(ec_jwk(p384, "P-384")))
    put("key_set_json", json.dumps({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": number(5, 32)},
        {**rsa_jwk(r), "kid": "r", "use": "sig", "x5t": "abc"},
        {**rsa_jwk(short), "kid": "short"},
        {**rsa_jwk(r), "kid": "enc", "use": "enc"},
        {**rsa_jwk(r), "kid": "oaep", "alg": "RSA-OAEP"},
        {**rsa_jwk(r), "kid": "wrap", "key_ops": ["wrapKey"]},
        {**ec_jwk(p256, "P-256"), "kid": "e", "alg": "ES256", "key_ops": ["verify"]},
        {**ec_jwk(p384, "P-384"), "kid": "e3"},
        {**ec_jwk(p521, "P-521"), "kid": "e5"},
        {**ec_jwk(p256, "P-256"), "kid": "off", "x": number(1, 32)},
        {"kty": "oct", "kid": "s", "k": base64.urlsafe_b64encode(SECRET.encode()).rstrip(b"=")
         .decode()},
        {"kty": "oct", "kid": "weak", "k": "c2VjcmV0"},
        {"kty": "RSA", "kid": "half"},
        {"kid": "nothing"},
        7,
    ]}))
    keys = {"HS": SECRET, "RS": r, "PS": r, "ES256": p256, "ES384": p384}
    print("static const struct {\n    const char *algorithm, *token;\n} tokens[] = {")
    for alg in ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
                "ES256", "ES384"):
        token = jwt.encode(CLAIMS, keys.get(alg) or keys[alg[:2]], algorithm=alg)
        pieces = [token[i:i + 70] for i in range(0, len(token), 70)]
        print(f'    {{"{alg}",\n' + "\n".join(f'     "{piece}"' for piece in pieces) + "},")
    print("};\n/* clang-format on */")


if __name__ == "__main__":
    main()
