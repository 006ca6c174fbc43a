// Runs every trigger, search and create of ONLYOFFICE's Zapier app against the sandbox, through Zapier's own platform core.
"use strict";

const { createServer } = require("node:http");
const { createRequire } = require("node:module");
const { join } = require("node:path");
const { assert, operation, finish, portal } = require("./report.js");

const { PORTAL_HOST, PORTAL_KEY, CLIENT_ROOM, INTERNAL_FOLDER, CLIENT_BUILD } = process.env;
const fromBuild = createRequire(join(CLIENT_BUILD, "package.json"));
const { createAppTester } = fromBuild("zapier-platform-core");
const { App } = fromBuild("./app/app.js");

// The core reports its use of memory after each call.
console.log = () => {};

const COLLEAGUE = "c4f0a9d2-1e57-4a3e-8b66-52d7e1f09a48";
const tester = createAppTester(App);
let authData;

const run = (part, inputData = {}) => tester(part.operation.perform, { authData, inputData });
const trigger = (name, inputData) => run(App.triggers[name], inputData);
const search = (name, inputData) => run(App.searches[name], inputData);
const create = (name, inputData) => run(App.creates[name], inputData);

const call = async (method, path, body) => (await portal(method, `/api/2.0/${path}`, body)).response;
const get = (path) => call("GET", path);
const document = (folder, title) => call("POST", `files/${folder}/file`, { title });
const newFolder = (parent, title) => call("POST", `files/folder/${parent}`, { title });
const titles = (entries) => entries.map((entry) => entry.title);

/** Zapier keeps uploaded files in its own storage; this stands in for it. */
async function storage() {
  const content = Buffer.from("the content");
  const server = createServer((request, response) => {
    const headers = {
      "content-length": content.length,
      "content-disposition": 'attachment; filename="from zapier.txt"',
    };
    response.writeHead(200, headers).end(request.method === "HEAD" ? undefined : content);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { server, url: `http://127.0.0.1:${server.address().port}/file` };
}

async function main() {
  const mine = (await get("files/@my")).current.id;
  const room = Number(CLIENT_ROOM);

  await operation("log-in and connection test", async () => {
    authData = { baseUrl: PORTAL_HOST, username: "docflow.bot@sandbox.example.test", password: PORTAL_KEY };
    authData = await tester(App.authentication.sessionConfig.perform, { authData });
    const user = await tester(App.authentication.test, { authData });
    assert.equal(user.firstName, "Docflow");
  });

  // Triggers, which poll.
  await operation("trigger fileCreated", async () => {
    await document(INTERNAL_FOLDER, "created.docx");
    assert.ok(titles(await trigger("fileCreated", { id: Number(INTERNAL_FOLDER) })).includes("created"));
  });
  await operation("trigger fileCreatedInMyDocuments", async () => {
    await document(mine, "mine.docx");
    assert.deepEqual(titles(await trigger("fileCreatedInMyDocuments")), ["mine"]);
  });
  await operation("trigger fileDeleted", async () => {
    const folder = await newFolder(room, "with a deleted file");
    const file = await document(folder.id, "deleted.docx");
    await call("DELETE", `files/file/${file.id}`, {});
    assert.deepEqual(titles(await trigger("fileDeleted", { folderId: folder.id })), ["deleted"]);
    assert.deepEqual(titles(await trigger("fileDeleted", { folderId: Number(INTERNAL_FOLDER) })), []);
  });
  await operation("trigger fileDeletedInMyDocuments", async () => {
    const file = await document(mine, "deleted from mine.docx");
    await call("DELETE", `files/file/${file.id}`, {});
    assert.deepEqual(titles(await trigger("fileDeletedInMyDocuments")), ["deleted from mine"]);
  });
  await operation("trigger filesList", async () => {
    assert.ok(titles(await trigger("filesList", { id: Number(INTERNAL_FOLDER) })).includes("created"));
  });
  await operation("trigger filesListFromMyDocuments", async () => {
    assert.deepEqual(titles(await trigger("filesListFromMyDocuments")), ["mine"]);
  });
  await operation("trigger filteredSections", async () => {
    const sections = titles(await trigger("filteredSections"));
    assert.ok(["My documents", "Rooms", "Archive", "Trash"].every((title) => sections.includes(title)));
  });
  await operation("trigger folderCreated", async () => {
    await newFolder(room, "created folder");
    assert.ok(titles(await trigger("folderCreated", { id: room })).includes("created folder"));
  });
  await operation("trigger folderCreatedInMyDocuments", async () => {
    await newFolder(mine, "my folder");
    assert.deepEqual(titles(await trigger("folderCreatedInMyDocuments")), ["my folder"]);
  });
  await operation("trigger folderDeleted", async () => {
    const folder = await newFolder(room, "deleted folder");
    await call("DELETE", `files/folder/${folder.id}`, {});
    assert.deepEqual(titles(await trigger("folderDeleted", { id: room })), ["deleted folder"]);
  });
  await operation("trigger folderDeletedInMyDocuments", async () => {
    const folder = await newFolder(mine, "my deleted folder");
    await call("DELETE", `files/folder/${folder.id}`, {});
    assert.deepEqual(titles(await trigger("folderDeletedInMyDocuments")), ["my deleted folder"]);
  });
  await operation("trigger foldersInMyDocumentsList", async () => {
    assert.deepEqual(titles(await trigger("foldersInMyDocumentsList")), ["my folder"]);
  });
  await operation("trigger roomCreated", async () => {
    await call("POST", "files/rooms", { title: "created room", roomType: 6 });
    assert.ok(titles(await trigger("roomCreated")).includes("created room"));
  });
  await operation("trigger roomArchived", async () => {
    const archived = await call("POST", "files/rooms", { title: "archived room", roomType: 5 });
    assert.deepEqual(await trigger("roomArchived"), []);
    await call("PUT", `files/rooms/${archived.id}/archive`, { deleteAfter: false });
    await new Promise((later) => setTimeout(later, 100));
    assert.deepEqual(titles(await trigger("roomArchived")), ["archived room"]);
  });
  await operation("trigger roomsFiltered", async () => {
    await call("POST", "files/rooms", { title: "collaboration", roomType: 2 });
    const filtered = titles(await trigger("roomsFiltered"));
    assert.ok(filtered.includes("created room") && !filtered.includes("collaboration"));
  });
  await operation("trigger shareRoles", async () => {
    const roles = await trigger("shareRoles", { roomId: room });
    assert.deepEqual(roles.map((role) => role.id), [11, 10, 5, 6, 2]);
  });
  await operation("trigger userAdded", async () => {
    const users = await trigger("userAdded");
    assert.ok(users.some((user) => user.id === COLLEAGUE));
  });
  await operation("trigger userInvited", async () => {
    const members = await trigger("userInvited", { id: room, active: true });
    assert.ok(members.some((member) => member.displayName === "Chris Client"));
  });

  // Searches.
  const sections = await trigger("filteredSections");
  const rooms = sections.find((section) => section.title === "Rooms").id;
  await operation("search searchFile", async () => {
    await document(mine, "to be found.docx");
    const found = await search("searchFile", { folderId: mine, title: "to be" });
    assert.deepEqual(titles(found), ["to be found.docx"]);
  });
  await operation("search searchFolder", async () => {
    const found = await search("searchFolder", { folderId: rooms, title: "Acme" });
    assert.deepEqual(found.map((folder) => folder.id), [room]);
  });

  // Creates.
  await operation("create archiveRoom", async () => {
    const archived = await call("POST", "files/rooms", { title: "to archive", roomType: 5 });
    await create("archiveRoom", { id: archived.id });
    assert.equal((await get(`files/rooms/${archived.id}`)).rootFolderType, 20);
  });
  await operation("create createFile", async () => {
    const file = await create("createFile", { id: room, title: "new" });
    assert.equal((await get(`files/file/${file.id}`)).title, "new.docx");
  });
  await operation("create createFileInMyDocuments", async () => {
    const file = await create("createFileInMyDocuments", { title: "README" });
    assert.equal((await get(`files/file/${file.id}`)).folderId, mine);
  });
  await operation("create createFolder", async () => {
    const folder = await create("createFolder", { id: room, title: "new folder" });
    assert.equal((await get(`files/folder/${folder.id}`)).parentId, room);
  });
  await operation("create createFolderInMyDocuments", async () => {
    const folder = await create("createFolderInMyDocuments", { title: "my new folder" });
    assert.equal((await get(`files/folder/${folder.id}`)).parentId, mine);
  });
  await operation("create deleteFolder", async () => {
    const folder = await newFolder(room, "to delete");
    await create("deleteFolder", { folderId: folder.id });
    assert.equal((await get(`files/folder/${folder.id}`)).rootFolderType, 3);
  });
  await operation("create deleteFolderInMyDocuments", async () => {
    const folder = await newFolder(mine, "to delete");
    await create("deleteFolderInMyDocuments", { folderId: folder.id });
    assert.equal((await get(`files/folder/${folder.id}`)).rootFolderType, 3);
  });
  const download = async (name, folder) => {
    const file = await call("POST", `files/${folder}/text`, { title: "to download", content: "some text" });
    const result = await create(name, { fileId: file.id });
    const [, pointer] = /^hydrate\|\|\|(.*)\|\|\|hydrate$/.exec(result.file);
    const answer = await fetch(JSON.parse(pointer).bundle.url);
    assert.equal(await answer.text(), "some text");
  };
  await operation("create downloadFile", () => download("downloadFile", INTERNAL_FOLDER));
  await operation("create downloadFileFromMyDocuments", () => download("downloadFileFromMyDocuments", mine));
  await operation("create externalLink", async () => {
    const link = await create("externalLink", { id: room });
    assert.match(link.sharedTo.shareLink, /^http/);
  });
  await operation("create inviteGuest", async () => {
    const invitation = { roomId: room, email: "guest@acme.example.test", access: 11 };
    assert.equal((await create("inviteGuest", invitation)).status, "Invited");
    assert.equal((await create("inviteGuest", invitation)).status, "User is already a member");
  });
  await operation("create inviteUser", async () => {
    const user = await create("inviteUser", { email: "user@sandbox.example.test", type: "4" });
    assert.equal((await get(`people/${user.id}`)).isCollaborator, true);
  });
  await operation("create roomCreate", async () => {
    const created = await create("roomCreate", { title: "by Zapier", roomType: "2" });
    assert.equal((await get(`files/rooms/${created.id}`)).roomType, 2);
  });
  await operation("create shareRoom", async () => {
    const member = await create("shareRoom", { roomId: room, userId: COLLEAGUE, access: 2 });
    assert.equal(member.id, COLLEAGUE);
    const members = await get(`files/rooms/${room}/share`);
    assert.equal(members.find((found) => found.sharedTo.id === COLLEAGUE).access, 2);
  });
  const { server, url } = await storage();
  const { Uploader } = fromBuild("./app/zapier/files/uploader.js");
  // Only Zapier's servers take files into their storage.
  Uploader.prototype.stash = async (given) => given;
  const upload = async (name, input, folder) => {
    const uploaded = await create(name, { ...input, url });
    const file = await get(`files/file/${uploaded.id}`);
    assert.deepEqual([file.title, file.folderId, file.pureContentLength], ["from zapier.txt", folder, 11]);
  };
  await operation("create uploadFile", () => upload("uploadFile", { id: room }, room));
  await operation("create uploadFileToMyDocuments", () => upload("uploadFileToMyDocuments", {}, mine));
  server.close();
  finish("Zapier app");
}

main();
