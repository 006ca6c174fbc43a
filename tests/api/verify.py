"""Verifies a call with the snippet of docs/API.md, and its document with docs/openapi.yaml.

verify.py SNIPPET SECRET CALL DESCRIPTION
"""

import json
import runpy
import sys

import jsonschema

snippet, secret, call, description = sys.argv[1:]
is_genuine = runpy.run_path(snippet)["is_genuine"]
with open(call, encoding="utf-8") as file:
    call = json.load(file)
headers, body = call["headers"], call["body"].encode()
verdicts = [
    is_genuine(secret, headers, body),
    not is_genuine(secret, headers, body + b" "),
    not is_genuine("another secret", headers, body),
    not is_genuine(secret, headers | {"webhook-timestamp": "1"}, body),
    not is_genuine(secret, headers | {"webhook-signature": "v1,AAAA"}, body),
]
assert all(verdicts), f"the snippet for Python says {verdicts}"

with open(description, encoding="utf-8") as file:
    description = json.load(file)
schema = description | {"$ref": "#/components/schemas/Call"}
jsonschema.Draft202012Validator(schema).validate(json.loads(body))
