"""Verifies a call with the published Standard Webhooks library: {"secret", "headers", "body"} on stdin."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

given = json.load(sys.stdin)
secret = given["secret"]
webhook = Webhook(secret if secret.startswith("whsec_") else secret.encode())
try:
    webhook.verify(given["body"], given["headers"])
except WebhookVerificationError as error:
    sys.exit(f"refused: {error}")
