"""The portal under test, and how checks of it are run."""

import os
import sys
import time
import traceback

import docspace_api_sdk as sdk
from docspace_api_sdk.api.files.operations_api import OperationsApi

OPERATION_SECONDS = 10

host = os.environ["PORTAL_HOST"]
key = os.environ["PORTAL_KEY"]
client_room = int(os.environ["CLIENT_ROOM"])
internal_folder = int(os.environ["INTERNAL_FOLDER"])
incoming_folder = int(os.environ["INCOMING_FOLDER"])


def client_with(authorization):
    """A client that sends this header.

    Left to itself, it sends no key to endpoints that serve anonymous visitors as well.
    """
    client = sdk.ApiClient(sdk.Configuration(host=host))
    client.set_default_header("Authorization", authorization)
    return client


client = client_with(f"Bearer {key}")


def same(found, expected):
    if found != expected:
        raise AssertionError(f"expected {expected!r}, found {found!r}")


def finished(operation):
    """Reads an operation until it is finished."""
    deadline = time.monotonic() + OPERATION_SECONDS
    while time.monotonic() < deadline:
        found = OperationsApi(client).get_operation_statuses(id=operation.id).response
        same([entry.id for entry in found], [operation.id])
        if found[0].finished and found[0].status == 2:
            same((found[0].error, found[0].processed), ("", "1"))
            return found[0]
        time.sleep(0.01)
    raise AssertionError("the operation does not finish")


def run(checks):
    """Runs all checks and exits."""
    failed = 0
    for check in checks:
        try:
            check()
            print(f"ok      {check.__name__}")
        except Exception:  # every failure is reported, and the next check still runs
            failed += 1
            print(f"FAILED  {check.__name__}")
            traceback.print_exc(file=sys.stdout)
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
