"""Reads the sandbox portal with ONLYOFFICE's own Python client.

The sandbox imitates a portal from its description; this client was written by the people who wrote
the portal. What it can parse, with the values put in, has the right shape.

Takes PORTAL_HOST, PORTAL_KEY, CLIENT_ROOM, INTERNAL_FOLDER, INCOMING_FOLDER from the environment.
"""

import docspace_api_sdk as sdk
from docspace_api_sdk.api.api_keys.api_keys_api import ApiKeysApi
from docspace_api_sdk.api.files.files_api import FilesApi
from docspace_api_sdk.api.files.folders_api import FoldersApi
from docspace_api_sdk.api.files.operations_api import OperationsApi
from docspace_api_sdk.api.people.profiles_api import ProfilesApi
from docspace_api_sdk.api.rooms.rooms_api import RoomsApi
from docspace_api_sdk.api.settings.webhooks_api import WebhooksApi
from docspace_api_sdk.models.batch_request_dto import BatchRequestDto
from docspace_api_sdk.models.batch_request_dto_all_of_dest_folder_id import (
    BatchRequestDtoAllOfDestFolderId,
)
from docspace_api_sdk.models.batch_request_dto_all_of_file_ids import (
    BatchRequestDtoAllOfFileIds,
)
from docspace_api_sdk.models.create_webhooks_config_requests_dto import (
    CreateWebhooksConfigRequestsDto,
)
from docspace_api_sdk.models.file_conflict_resolve_type import FileConflictResolveType
from docspace_api_sdk.models.webhook_trigger import WebhookTrigger

from portal import (
    client,
    client_room,
    finished,
    host,
    incoming_folder,
    internal_folder,
    key as portal_key,
    run,
    same,
)

TITLE = "Rechnung Nr. 7 für Müller & Söhne.pdf"
CONTENT = b"%PDF-1.7 " + b"x" * 3000
SERVICE_ACCOUNT = "3e7a4f10-6c1d-4f1e-bb1d-0d8f4f9a2c33"
ROOMS_SECTION = 86193

# The portal's page: it answers the probe, and refuses every delivery.
RECEIVER = host + "/"

uploaded = []
webhooks = []


def profile():
    same(str(ProfilesApi(client).get_self_profile().response.id), SERVICE_ACCOUNT)


def key():
    found = ApiKeysApi(client).get_api_key().response
    same(found.is_active, True)
    same(found.key_postfix, portal_key[-4:])


def rooms():
    content = RoomsApi(client).get_rooms_folder(count=100, start_index=0).response
    same(content.total, 3)
    titles = [room.title for room in content.folders]
    same(sorted(titles), titles)
    same("Acme - shared with client" in titles, True)


def second_page_of_rooms():
    content = RoomsApi(client).get_rooms_folder(count=2, start_index=2).response
    same([room.title for room in content.folders], ["Internal Processing"])
    same((content.start_index, content.count, content.total), (2, 1, 3))


def upload():
    answer = FoldersApi(client).upload_file(client_room, file=(TITLE, CONTENT))
    (file,) = answer.response
    same(file.title, TITLE)
    uploaded.append(file.id)


def file_information():
    file = FilesApi(client).get_file_info(uploaded[0]).response
    same((file.id, file.title), (uploaded[0], TITLE))
    same((file.folder_id, file.root_folder_id), (client_room, ROOMS_SECTION))
    same((file.version, file.pure_content_length), (1, len(CONTENT)))
    same(file.file_exst, ".pdf")
    same(str(file.created_by.id), SERVICE_ACCOUNT)


def folder_information():
    folder = FoldersApi(client).get_folder_info(internal_folder).response
    same((folder.id, folder.title), (internal_folder, "Inbox"))
    room = FoldersApi(client).get_folder_info(client_room).response
    same((room.id, int(room.room_type)), (client_room, 5))


def folder_path():
    path = FoldersApi(client).get_folder_path(internal_folder).response
    same([step.title for step in path], ["Rooms", "Internal Processing", "Inbox"])


def folder_content():
    content = (
        FoldersApi(client)
        .get_folder_by_folder_id(client_room, count=100, start_index=0)
        .response
    )
    same([file.title for file in content.files], [TITLE])
    same([folder.title for folder in content.folders], ["2026 uploads"])
    same((content.current.id, content.total), (client_room, 2))


def operation(start, destination):
    """Starts a copy or move and reads it until it is finished."""
    request = BatchRequestDto(
        fileIds=[BatchRequestDtoAllOfFileIds(uploaded[0])],
        destFolderId=BatchRequestDtoAllOfDestFolderId(destination),
        conflictResolveType=FileConflictResolveType.DUPLICATE,
        returnSingleOperation=True,
    )
    (started,) = start(request).response
    return finished(started)


def titles_in(folder):
    content = FoldersApi(client).get_folder_by_folder_id(folder).response
    return [file.title for file in content.files or []]


def copy():
    done = operation(OperationsApi(client).copy_batch_items, internal_folder)
    same(int(done.operation), 1)
    same([file.title for file in done.files], [TITLE])
    same(titles_in(internal_folder), [TITLE])


def move():
    done = operation(OperationsApi(client).move_batch_items, incoming_folder)
    same(int(done.operation), 0)
    same(titles_in(incoming_folder), [TITLE])
    same(titles_in(client_room), [])


def no_operations_left():
    same(OperationsApi(client).get_operation_statuses().response, [])


def webhook_creation():
    # The client cannot read a subscription to several triggers, so this one is to all.
    request = CreateWebhooksConfigRequestsDto(
        name="check",
        uri=RECEIVER,
        secretKey="Sandbox-Secret-1",
        enabled=True,
        ssl=False,
        triggers=WebhookTrigger(0),
    )
    created = WebhooksApi(client).create_webhook(request).response
    same((created.name, created.uri, created.enabled), ("check", RECEIVER, True))
    webhooks.append(created.id)


def webhook_list():
    (found,) = WebhooksApi(client).get_tenant_webhooks().response
    same((found.configs.id, found.configs.uri), (webhooks[0], RECEIVER))


def webhook_log():
    log = WebhooksApi(client).get_webhooks_logs(
        config_id=webhooks[0], count=100, start_index=0
    )
    same(sorted(int(row.trigger) for row in log.response), [128, 256, 8192, 16384])
    same(all('"payload":{' in row.request_payload for row in log.response), True)
    same(all(row.delivery is None for row in log.response), True)
    ids = [row.id for row in log.response]
    same(ids, sorted(ids, reverse=True))


def webhook_triggers():
    found = WebhooksApi(client).get_webhook_triggers().response
    same(len(found), 37)


def unknown_file():
    try:
        FilesApi(client).get_file_info(1)
    except sdk.ApiException as error:
        same(error.status, 404)
    else:
        raise AssertionError("an unknown file was found")


CHECKS = [
    profile,
    key,
    rooms,
    second_page_of_rooms,
    webhook_creation,
    upload,
    file_information,
    folder_information,
    folder_path,
    folder_content,
    copy,
    move,
    no_operations_left,
    webhook_list,
    webhook_log,
    webhook_triggers,
    unknown_file,
]

run(CHECKS)
