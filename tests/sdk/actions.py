"""Lets ONLYOFFICE's Python client change files, rooms and groups of a running portal, and reads what became of them.

The client checks each response against the types of DocSpace's API description.
"""

from uuid import UUID

import docspace_api_sdk as sdk
from docspace_api_sdk.api.authentication.authentication_api import AuthenticationApi
from docspace_api_sdk.api.files.files_api import FilesApi
from docspace_api_sdk.api.files.folders_api import FoldersApi
from docspace_api_sdk.api.files.operations_api import OperationsApi
from docspace_api_sdk.api.files.settings_api import SettingsApi as FilesSettingsApi
from docspace_api_sdk.api.group.group_api import GroupApi
from docspace_api_sdk.api.people.profiles_api import ProfilesApi
from docspace_api_sdk.api.people.search_api import SearchApi
from docspace_api_sdk.api.rooms.rooms_api import RoomsApi
from docspace_api_sdk.api.settings.common_settings_api import CommonSettingsApi

from portal import client, client_room, client_with, finished, internal_folder, key, run, same

CLIENT = "5f1d0c52-7a1e-4d1b-9c3b-2f6f0d6a1b11"
GROUP = UUID("7c1f3a52-5d0e-4c1c-9a44-0f6f2f6a9d10")
LINK = "8a61c0de-7f52-4d0c-b1a9-0c5e4d3f2b02"
TRASH = 3
ARCHIVE = 20

files = FilesApi(client)
folders = FoldersApi(client)
operations = OperationsApi(client)
rooms = RoomsApi(client)
groups = GroupApi(client)


def body(name, members):
    """A request body of the client from the members of its JSON."""
    return getattr(sdk, name).from_dict(members)


def text_file(title, folder=client_room):
    request = body("CreateTextOrHtmlFile", {"title": title, "content": "a line"})
    return files.create_text_file(folder, request).response


def login():
    credentials = {
        "userName": "docflow.bot@sandbox.example.test",
        "password": key,
    }
    request = body("AuthRequestsDto", credentials)
    token = AuthenticationApi(client).authenticate_me(request).response.token
    same(RoomsApi(client_with(token)).get_rooms_folder().response.total, 3)
    same(AuthenticationApi(client).get_is_authentificated().response, True)


def rename_and_lock():
    file = text_file("letter")
    same((file.title, file.pure_content_length), ("letter.txt", 6))
    renamed = files.update_file(file.id, body("UpdateFile", {"title": "contract"}))
    same(renamed.response.title, "contract.txt")
    locked = files.lock_file(file.id, body("LockFileParameters", {"lockFile": True}))
    same((locked.response.locked, locked.response.locked_by), (True, None))
    log = files.get_file_history(file.id).response
    same([entry.action.key for entry in log], ["FileLocked", "FileRenamed", "FileCreated"])


def copy_as():
    file = text_file("minutes")
    request = {"destTitle": "minutes.pdf", "destFolderId": internal_folder}
    copy = files.copy_file_as(file.id, body("CopyAsJsonElement", request)).response
    same(copy.title, "minutes.pdf")


def conversion():
    request = body("CreateFileJsonElement", {"title": "letter.rtf"})
    file = files.create_file(client_room, request).response
    (started,) = operations.start_file_conversion(
        file.id, body("CheckConversionRequestDtoInteger", {"sync": True})
    ).response
    same((started.progress, started.error), (100, ""))
    same(operations.check_conversion_status(file.id).response, [])


def trash():
    file = text_file("obsolete")
    for root in (TRASH, None):
        request = {"fileIds": [file.id], "returnSingleOperation": True}
        request = sdk.DeleteBatchRequestDto.from_dict(request)
        (started,) = operations.delete_batch_items(request).response
        finished(started)
        if root:
            found = files.get_file_info(file.id).response
            same(int(found.root_folder_type), root)
            titles = [entry.title for entry in folders.get_trash_folder().response.files]
            same(titles, ["obsolete.txt"])
    try:
        files.get_file_info(file.id)
    except sdk.ApiException as error:
        same(error.status, 404)
    else:
        raise AssertionError("a file that was deleted twice still exists")


def titles_of_folders(parent):
    return [entry.title for entry in folders.get_folders(parent).response]


def copies_and_moves_of_folders():
    folder = folders.create_folder(internal_folder, body("CreateFolder", {"title": "2025"})).response
    text_file("inside", folder.id)
    request = {"folderIds": [folder.id], "conflictResolveType": "Duplicate", "returnSingleOperation": True}
    copy = sdk.BatchRequestDto.from_dict({**request, "destFolderId": client_room})
    (started,) = operations.copy_batch_items(copy).response
    same([entry.title for entry in finished(started).folders], ["2025"])
    same("2025" in titles_of_folders(client_room), True)
    (started,) = operations.duplicate_batch_items(
        body("DuplicateRequestDto", {"folderIds": [folder.id], "returnSingleOperation": True})
    ).response
    finished(started)
    same("2025 (1)" in titles_of_folders(internal_folder), True)
    move = sdk.BatchRequestDto.from_dict({**request, "destFolderId": client_room})
    (started,) = operations.move_batch_items(move).response
    finished(started)
    same(folders.get_folder_info(folder.id).response.parent_id, client_room)


def downloads():
    file = text_file("to download")
    request = {"fileIds": [file.id], "returnSingleOperation": True}
    (started,) = operations.bulk_download(body("DownloadRequestDto", request)).response
    same(finished(started).url.startswith("http"), True)
    same(files.get_presigned_file_uri(file.id).response.filetype, ".txt")


def upload_session():
    request = body("SessionRequest", {"fileName": "chunks.txt", "fileSize": 7})
    session = operations.create_upload_session(client_room, request).response
    same((session.success, session.data.bytes_total), (True, 7))


def formats_and_languages():
    formats = FilesSettingsApi(client).get_files_settings().response
    same(".pdf" in formats.exts_convertible[".docx"], True)
    same("de" in CommonSettingsApi(client).get_supported_cultures().response, True)


def invited_people():
    invitation = {"email": "new.user@sandbox.example.test", "type": "User"}
    request = body("InviteUsersRequestDto", {"invitations": [invitation]})
    (invited,) = ProfilesApi(client).invite_users(request).response
    same(invited.display_name, "new.user@sandbox.example.test")
    active = ProfilesApi(client).get_all_profiles().response
    same(len(active), 4)
    shared = SearchApi(client).get_users_with_room_shared(client_room).response
    same({person.shared for person in shared}, {True, False})


def new_folders():
    request = body("CreateFolder", {"title": "2027"})
    folder = folders.create_folder(client_room, request).response
    request = body("CreateFolder", {"title": "2028"})
    same(folders.rename_folder(folder.id, request).response.title, "2028")
    found = folders.get_folders(client_room).response
    same("2028" in [entry.title for entry in found], True)


def sections():
    same(folders.get_my_folder().response.current.title, "My documents")
    titles = [section.current.title for section in folders.get_root_folders().response]
    same(titles, ["My documents", "Rooms", "Archive", "Trash"])


def room_with_tags():
    request = {"title": "Globex", "roomType": 5, "tags": ["client", "docflow"]}
    room = rooms.create_room(body("CreateRoomRequestDto", request)).response
    same((room.title, room.tags), ("Globex", ["client", "docflow"]))
    removed = rooms.delete_room_tags(
        room.id, body("BatchTagsRequestDto", {"names": ["docflow"]})
    )
    same(removed.response.tags, ["client"])
    renamed = rooms.update_room(room.id, body("UpdateRoomRequest", {"title": "Initech"}))
    same(renamed.response.title, "Initech")
    # The client cannot read the list of tags, which it takes for objects.

    request = body("ArchiveRoomRequest", {"deleteAfter": False})
    finished(rooms.archive_room(room.id, request).response)
    same(int(rooms.get_room_info(room.id).response.root_folder_type), ARCHIVE)
    finished(rooms.unarchive_room(room.id, request).response)


def members():
    for invitation in ({"id": CLIENT, "access": 2}, {"id": str(GROUP), "access": 10}):
        request = body("RoomInvitationRequest", {"invitations": [invitation]})
        shared = rooms.set_room_security(client_room, request).response
        same(len(shared.members), 1)
    found = rooms.get_room_security_info(client_room).response
    same([int(member.access) for member in found][:2], [1, 10])


def links():
    request = {"linkId": LINK, "access": 2, "linkType": 1, "title": "Auditor"}
    for _ in range(2):
        link = rooms.set_room_link(client_room, body("RoomLinkRequest", request)).response
        same(str(link.shared_link.id), LINK)
    same(len(rooms.get_room_links(client_room, type=1).response), 1)
    file = text_file("linked")
    primary = files.get_file_primary_external_link(file.id).response
    same(primary.shared_link.primary, True)
    same(len(files.get_file_links(file.id).response), 1)


def people():
    found = ProfilesApi(client).get_profile_by_email(
        email="anna.archivist@sandbox.example.test"
    ).response
    same(found.display_name, "Anna Archivist")
    same(str(ProfilesApi(client).get_profile_by_user_id(CLIENT).response.id), CLIENT)
    matching = SearchApi(client).search_users_by_extended_filter(filter_value="anna")
    same([person.display_name for person in matching.response], ["Anna Archivist"])
    group = groups.get_group(GROUP, include_members=True).response
    same([member.display_name for member in group.members], ["Anna Archivist"])
    same([entry.name for entry in groups.get_groups().response], ["Accounting"])


CHECKS = [
    login,
    rename_and_lock,
    copy_as,
    conversion,
    trash,
    copies_and_moves_of_folders,
    downloads,
    upload_session,
    formats_and_languages,
    new_folders,
    sections,
    members,
    links,
    people,
    invited_people,
    room_with_tags,
]

run(CHECKS)
