"""Makes tokens by Debian's python3-jwt, at the ends of a pipe.

usage: pyjwt_tokens.py    (standard input: a JSON list of {"alg", "kid", "key", "claims"}, where the
                          key is a secret or a private key in PEM form; standard output: a JSON list
                          of the tokens)
"""
import json
import sys

import jwt


def made(order):
    headers = {"kid": order["kid"]}
    return jwt.encode(order["claims"], order["key"], algorithm=order["alg"], headers=headers)


json.dump([made(order) for order in json.load(sys.stdin)], sys.stdout)
