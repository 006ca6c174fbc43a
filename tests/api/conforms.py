"""Checks one response of an operation against an OpenAPI description, by schemathesis."""

import sys

import requests
import schemathesis

description, address, token, path = sys.argv[1:]
schema = schemathesis.openapi.from_path(description)
response = requests.get(address + path, headers={"Authorization": f"Bearer {token}"}, timeout=10)
schema["/api/events/{id}"]["GET"].validate_response(response)
