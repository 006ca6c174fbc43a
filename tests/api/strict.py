"""Writes an OpenAPI description in which objects have no members but those that it names."""

import json
import sys

import yaml


def strict(node):
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {name: strict(value) for name, value in node.items()}
    if node.get("type") == "object" and "properties" in node:
        node.setdefault("additionalProperties", False)
    return node


source, target = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    description = yaml.safe_load(file)
with open(target, "w", encoding="utf-8") as file:
    json.dump(strict(description), file)
