// Runs every operation of ONLYOFFICE's n8n node against the sandbox. The node is the built one; its HTTP requests go through
// n8n's own request helper. What stands in for n8n is only the context: parameters, credentials and static data.
"use strict";

const { createServer } = require("node:http");
const { createRequire } = require("node:module");
const { join } = require("node:path");
const { assert, operation, finish, portal } = require("./report.js");

const { PORTAL_HOST, PORTAL_KEY, CLIENT_ROOM, INTERNAL_FOLDER, CLIENT_BUILD } = process.env;
const fromBuild = createRequire(join(CLIENT_BUILD, "package.json"));
const load = (path) => fromBuild(`./dist/${path}`);

require("module").globalPaths.push(join(CLIENT_BUILD, "node_modules"));
fromBuild("reflect-metadata");
const { getRequestHelperFunctions } = fromBuild(
  "n8n-core/dist/execution-engine/node-execution-context/utils/request-helpers",
);
const { OnlyofficeDocspace } = load("nodes/OnlyofficeDocspace/OnlyofficeDocspace.node.js");
const { OnlyofficeDocspaceTrigger } = load("nodes/OnlyofficeDocspace/OnlyofficeDocspaceTrigger.node.js");
const { OnlyofficeDocspaceApiKeyApi } = load("credentials/OnlyofficeDocspaceApiKeyApi.credentials.js");

const SECRET = "Sandbox-Secret-1";
const COLLEAGUE = "c4f0a9d2-1e57-4a3e-8b66-52d7e1f09a48";
const CLIENT = "5f1d0c52-7a1e-4d1b-9c3b-2f6f0d6a1b11";

const node = new OnlyofficeDocspace();
const trigger = new OnlyofficeDocspaceTrigger();
const credential = new OnlyofficeDocspaceApiKeyApi();
const credentials = { baseUrl: PORTAL_HOST, apiKey: PORTAL_KEY };
const evaluate = (text) =>
  text.replace(/^=/, "").replace(/{{\$credentials\?\.(\w+)}}/g, (_, name) => credentials[name]);

const credentialsHelper = {
  getParentTypes: () => [],
  preAuthentication: async () => undefined,
  authenticate: async (_credentials, _type, request) => {
    const headers = credential.authenticate.properties.headers;
    const own = Object.entries(headers).map(([name, value]) => [name, evaluate(value)]);
    return { ...request, headers: { ...request.headers, ...Object.fromEntries(own) } };
  },
};

/** The context in which n8n calls a node. Like n8n, it refuses a parameter that is not set and has no fallback. */
function context(parameters, more = {}) {
  const description = { name: "docspace", type: "docspace", typeVersion: 1, parameters };
  const all = { authentication: "apiKey", ...parameters };
  const self = {
    getNode: () => description,
    getCredentials: async () => credentials,
    getInputData: () => [{ json: {} }],
    continueOnFail: () => false,
    logger: console,
    getNodeParameter: (name, ...fallback) => {
      if (name in all) return all[name];
      const value = fallback.find((given) => typeof given === "string" && given !== "");
      if (value === undefined) throw new Error(`Could not get parameter ${name}`);
      return value;
    },
    ...more,
  };
  self.helpers = {
    ...getRequestHelperFunctions({}, description, { credentialsHelper }),
    returnJsonArray: (data) => [data].flat().map((json) => ({ json })),
    constructExecutionMetaData: (data) => data,
    prepareBinaryData: async (data, fileName) => ({ data: Buffer.from(data).toString(), fileName }),
    ...more.helpers,
  };
  for (const name of ["httpRequestWithAuthentication"]) {
    const original = self.helpers[name];
    self.helpers[name] = (...given) => original.call(self, ...given);
    self.helpers[name].call = (_, ...given) => original.call(self, ...given);
  }
  return self;
}

/** Runs one operation of the node and returns its items. */
async function execute(resource, name, parameters = {}, more) {
  const [items] = await node.execute.call(context({ resource, operation: name, ...parameters }, more));
  return items;
}
const one = async (...given) => (await execute(...given))[0].json;

const list = async (name, parameters = {}, filter) =>
  (await node.methods.listSearch[name].call(context(parameters), filter)).results;

const get = async (path) => (await portal("GET", `/api/2.0/${path}`)).response;
const titles = async (folder, kind = "files") => (await get(`files/${folder}`))[kind].map((entry) => entry.title);
const textFile = async (title, folder = INTERNAL_FOLDER) =>
  (await portal("POST", `/api/2.0/files/${folder}/text`, { title, content: "some text" })).response;
const newFolder = async (title, parent = CLIENT_ROOM) =>
  (await portal("POST", `/api/2.0/files/folder/${parent}`, { title })).response;
const newRoom = async (title) =>
  (await portal("POST", "/api/2.0/files/rooms", { title, roomType: 5 })).response;
const level = async (room, person) => {
  const members = await get(`files/rooms/${room}/share`);
  return members.find((member) => member.sharedTo.id === person || member.sharedTo.email === person)?.access;
};

async function credentialTest() {
  await operation("credential test", async () => {
    const { request, rules } = credential.test;
    const answer = await context({}).helpers.httpRequestWithAuthentication("key", {
      url: request.url,
      baseURL: evaluate(request.baseURL),
    });
    const [{ properties: rule }] = rules;
    assert.notEqual(answer[rule.key], rule.value);
    assert.equal(answer[rule.key], true);
  });
}

async function triggers() {
  const received = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", async () => {
      const isProbe = request.method === "HEAD";
      let status = 200;
      const ends = { status: (given) => ((status = given), { end() {} }) };
      const result = await trigger.webhook.call(
        context({}, {
          getWebhookName: () => (isProbe ? "setup" : "default"),
          getResponseObject: () => ends,
          getBodyData: () => JSON.parse(body),
        }),
      );
      if (!isProbe) received.push(result.workflowData[0][0].json);
      response.writeHead(status).end();
    });
  });
  await new Promise((listening) => receiver.listen(0, "127.0.0.1", listening));
  const data = {};
  const parameters = { name: "n8n", secretKey: SECRET, ssl: false, events: [256, 8192] };
  const hook = context(parameters, {
    getWorkflowStaticData: () => data,
    getNodeWebhookUrl: () => `http://127.0.0.1:${receiver.address().port}/webhook`,
  });
  const { checkExists, create, delete: remove } = trigger.webhookMethods.default;
  const webhooks = () => get("settings/webhook");
  await operation("trigger: create webhook", async () => {
    await create.call(hook);
    const [{ configs }] = await webhooks();
    assert.equal(configs.id, data.webhookId);
    assert.equal(configs.triggers, 8448);
  });
  await operation("trigger: webhook exists", async () => {
    assert.equal(await checkExists.call(hook), true);
  });
  await operation("trigger: receive an event", async () => {
    const file = await textFile("for the trigger");
    await portal("PUT", "/api/2.0/files/fileops/copy", {
      fileIds: [file.id], destFolderId: Number(CLIENT_ROOM), conflictResolveType: 2,
    });
    for (let wait = 0; received.length === 0 && wait < 100; wait += 1) {
      await new Promise((later) => setTimeout(later, 20));
    }
    assert.equal(received[0].event.trigger, "file.copied");
    assert.equal(received[0].payload.title, "for the trigger.txt");
  });
  await operation("trigger: delete webhook", async () => {
    await remove.call(hook);
    assert.deepEqual(await webhooks(), []);
    assert.equal(await checkExists.call(hook), false);
  });
  receiver.close();
}

async function files() {
  const mine = (await get("files/@my")).current.id;
  await operation("file: copyFile", async () => {
    const file = await textFile("copied");
    const copy = await one("file", "copyFile", { fileId: file.id, isMyDocuments: false, destFolderId: Number(CLIENT_ROOM) });
    assert.ok((await titles(CLIENT_ROOM)).includes("copied.txt"));
    // The node stops at progress 100, where the portal may still show the source.
    return copy.id === file.id ? "returns the source, as in the original" : "";
  });
  await operation("file: copyFile to My documents", async () => {
    const file = await textFile("copied to mine");
    await one("file", "copyFile", { fileId: file.id, isMyDocuments: true });
    assert.ok((await titles(mine)).includes("copied to mine.txt"));
  });
  await operation("file: createFile", async () => {
    for (const [type, extension] of [["document", "docx"], ["spreadsheet", "xlsx"], ["presentation", "pptx"], ["pdfForm", "pdf"]]) {
      const file = await one("file", "createFile", { parentId: Number(CLIENT_ROOM), isMyDocuments: false, type, title: "new" });
      assert.equal((await get(`files/file/${file.id}`)).title, `new.${extension}`);
    }
  });
  await operation("file: deleteFile", async () => {
    const file = await textFile("deleted");
    assert.equal((await one("file", "deleteFile", { fileId: file.id })).id, file.id);
    assert.equal((await get(`files/file/${file.id}`)).rootFolderType, 3);
  });
  await operation("file: downloadFile", async () => {
    const file = await textFile("downloaded");
    const [item] = await execute("file", "downloadFile", {
      fileId: file.id, asText: false, outputFormat: "", binaryPropertyName: "data",
    });
    assert.equal(item.binary.data.data, "some text");
  });
  await operation("file: downloadFile as text", async () => {
    const file = await textFile("downloaded as text");
    const [item] = await execute("file", "downloadFile", { fileId: file.id, asText: true, binaryPropertyName: "data" });
    assert.equal(item.binary.data.data, "some text");
  });
  await operation("file: downloadFile converted", async () => {
    const file = (await portal("POST", `/api/2.0/files/${INTERNAL_FOLDER}/file`, { title: "letter.docx" })).response;
    const [item] = await execute("file", "downloadFile", {
      fileId: file.id, asText: false, outputFormat: ".pdf", binaryPropertyName: "data",
    });
    assert.equal(item.binary.data.fileName, "letter.pdf");
  });
  await operation("file: getFileInfo", async () => {
    const file = await textFile("read");
    assert.equal((await one("file", "getFileInfo", { fileId: file.id })).title, "read.txt");
  });
  await operation("file: getFileSharedLink", async () => {
    const file = await textFile("shared");
    const link = await one("file", "getFileSharedLink", { fileId: file.id });
    assert.match(link.sharedTo.shareLink, /^http/);
    assert.equal((await get(`files/file/${file.id}/links`)).length, 1);
  });
  await operation("file: moveFile", async () => {
    const file = await textFile("moved");
    await one("file", "moveFile", { fileId: file.id, isMyDocuments: false, destFolderId: Number(CLIENT_ROOM) });
    assert.equal((await get(`files/file/${file.id}`)).folderId, Number(CLIENT_ROOM));
  });
  await operation("file: updateFile", async () => {
    const file = await textFile("old name");
    await one("file", "updateFile", { fileId: file.id, title: "new name" });
    assert.equal((await get(`files/file/${file.id}`)).title, "new name.txt");
  });
  await operation("file: uploadFile", async () => {
    const file = await one("file", "uploadFile", {
      parentId: Number(CLIENT_ROOM), isMyDocuments: false, binaryData: false, fileName: "uploaded.txt", fileContent: "content",
    });
    const found = await get(`files/file/${file.id}`);
    assert.deepEqual([found.title, found.pureContentLength], ["uploaded.txt", 7]);
  });
  await operation("file: uploadFile in two chunks", async () => {
    const content = Buffer.alloc(11 * 1024 * 1024, "x");
    const file = await one("file", "uploadFile", {
      parentId: Number(CLIENT_ROOM), isMyDocuments: false, binaryData: true, binaryPropertyName: "data", fileName: "large.bin",
    }, { helpers: {
      assertBinaryData: () => ({ fileName: "large.bin", mimeType: "application/octet-stream" }),
      getBinaryDataBuffer: async () => content,
    } });
    assert.equal((await get(`files/file/${file.id}`)).pureContentLength, content.length);
  });
}

async function folders() {
  await operation("folder: copyFolder", async () => {
    const folder = await newFolder("copied folder");
    await textFile("inside", folder.id);
    await one("folder", "copyFolder", { folderId: folder.id, isMyDocuments: false, destFolderId: Number(INTERNAL_FOLDER) });
    const copies = (await get(`files/${INTERNAL_FOLDER}`)).folders.filter((entry) => entry.title === "copied folder");
    assert.equal(copies.length, 1);
    assert.deepEqual(await titles(copies[0].id), ["inside.txt"]);
  });
  await operation("folder: createFolder", async () => {
    const folder = await one("folder", "createFolder", { parentId: Number(CLIENT_ROOM), isMyDocuments: false, title: "new folder" });
    assert.equal((await get(`files/folder/${folder.id}`)).parentId, Number(CLIENT_ROOM));
  });
  await operation("folder: deleteFolder", async () => {
    const folder = await newFolder("deleted folder");
    await one("folder", "deleteFolder", { folderId: folder.id });
    assert.equal((await get(`files/folder/${folder.id}`)).rootFolderType, 3);
  });
  await operation("folder: getFolderContents", async () => {
    const folder = await newFolder("with content");
    await textFile("first", folder.id);
    await textFile("second", folder.id);
    const found = await one("folder", "getFolderContents", { folderId: folder.id, isMyDocuments: false, query: "FIRST" });
    assert.deepEqual(found.files.map((file) => file.title), ["first.txt"]);
  });
  await operation("folder: getFolderContents of My documents", async () => {
    const found = await one("folder", "getFolderContents", { isMyDocuments: true, query: "" });
    assert.equal(found.current.title, "My documents");
  });
  await operation("folder: getFolderHistory", async () => {
    const folder = await newFolder("with history");
    await portal("PUT", `/api/2.0/files/folder/${folder.id}`, { title: "renamed" });
    const log = await execute("folder", "getFolderHistory", { folderId: folder.id, fromDate: "", toDate: "" });
    assert.equal(log[0].json.action.key, "FolderRenamed");
    const day = 24 * 60 * 60 * 1000;
    const tomorrow = new Date(Date.now() + day).toISOString();
    const later = await execute("folder", "getFolderHistory", { folderId: folder.id, fromDate: tomorrow, toDate: "" });
    assert.deepEqual(later, []);
  });
  await operation("folder: getFolderInfo", async () => {
    assert.equal((await one("folder", "getFolderInfo", { folderId: Number(INTERNAL_FOLDER), isMyDocuments: false })).title, "Inbox");
  });
  await operation("folder: getFolderSharedLink", async () => {
    const folder = await newFolder("shared folder");
    const link = await one("folder", "getFolderSharedLink", { folderId: folder.id });
    assert.match(link.sharedTo.shareLink, /^http/);
  });
  await operation("folder: moveFolder", async () => {
    const folder = await newFolder("moved folder");
    await one("folder", "moveFolder", { folderId: folder.id, isMyDocuments: false, destFolderId: Number(INTERNAL_FOLDER) });
    assert.equal((await get(`files/folder/${folder.id}`)).parentId, Number(INTERNAL_FOLDER));
  });
  await operation("folder: updateFolder", async () => {
    const folder = await newFolder("old folder name");
    await one("folder", "updateFolder", { folderId: folder.id, title: "new folder name" });
    assert.equal((await get(`files/folder/${folder.id}`)).title, "new folder name");
  });
}

async function rooms() {
  const room = (await newRoom("Globex")).id;
  await operation("room: archiveRoom", async () => {
    const other = await newRoom("archived");
    await one("room", "archiveRoom", { roomId: String(other.id) });
    assert.equal((await get(`files/rooms/${other.id}`)).rootFolderType, 20);
  });
  await operation("room: createRoom", async () => {
    for (const roomType of [1, 2, 5, 6, 8]) {
      const created = await one("room", "createRoom", { title: `type ${roomType}`, roomType });
      assert.equal((await get(`files/rooms/${created.id}`)).roomType, roomType);
    }
  });
  await operation("room: getRoomInfo", async () => {
    assert.equal((await one("room", "getRoomInfo", { roomId: String(room) })).title, "Globex");
  });
  await operation("room: getRoomSharedLink", async () => {
    const link = await one("room", "getRoomSharedLink", { roomId: String(room) });
    assert.match(link.sharedTo.shareLink, /^http/);
    assert.equal((await get(`files/rooms/${room}/links?type=1`)).length, 1);
  });
  await operation("room: inviteUser by id", async () => {
    const member = await one("room", "inviteUser", { roomId: room, userId: COLLEAGUE, userAccess: 2, notify: false });
    assert.equal(member.sharedTo.id, COLLEAGUE);
    assert.equal(await level(room, COLLEAGUE), 2);
  });
  await operation("room: inviteUser by e-mail", async () => {
    const member = await one("room", "inviteUser", {
      roomId: room, userEmail: "new.guest@acme.example.test", userAccess: 11, notify: true, culture: "de",
    });
    assert.equal(member.sharedTo.email, "new.guest@acme.example.test");
    assert.equal(await level(room, "new.guest@acme.example.test"), 11);
  });
  await operation("room: updateUser", async () => {
    await one("room", "updateUser", { roomId: room, userId: COLLEAGUE, userAccess: 10 });
    assert.equal(await level(room, COLLEAGUE), 10);
  });
  await operation("room: searchUser", async () => {
    const found = await execute("room", "searchUser", { roomId: String(room), query: "anna" });
    assert.deepEqual(found.map((item) => item.json.sharedTo.id), [COLLEAGUE]);
  });
  await operation("room: removeUser", async () => {
    const removed = await execute("room", "removeUser", { roomId: room, userId: COLLEAGUE });
    assert.equal(removed[0].json.sharedTo.id, COLLEAGUE);
    assert.equal(await level(room, COLLEAGUE), undefined);
  });
  await operation("room: searchRoom", async () => {
    const found = await one("room", "searchRoom", { query: "globex" });
    assert.deepEqual(found.folders.map((entry) => entry.title), ["Globex"]);
  });
  await operation("room: updateRoom", async () => {
    await one("room", "updateRoom", { roomId: String(room), title: "Initech" });
    assert.equal((await get(`files/rooms/${room}`)).title, "Initech");
  });
  return room;
}

async function people() {
  const invite = async (email) => {
    await portal("POST", "/api/2.0/people/invite", { invitations: [{ type: 4, email }] });
    return (await get(`people/email?email=${email}`)).id;
  };
  const status = async (id) => (await get(`people/${id}`)).status;
  await operation("user: getUser", async () => {
    assert.equal((await one("user", "getUser", { isMe: true })).displayName, "Docflow Bot");
    assert.equal((await one("user", "getUser", { isMe: false, userId: COLLEAGUE })).id, COLLEAGUE);
    const byEmail = { isMe: false, userEmail: "chris.client@acme.example.test" };
    assert.equal((await one("user", "getUser", byEmail)).id, CLIENT);
  });
  await operation("user: searchUser", async () => {
    const found = await execute("user", "searchUser", { query: "archivist" });
    assert.deepEqual(found.map((item) => item.json.id), [COLLEAGUE]);
  });
  await operation("user: inviteUser", async () => {
    const invited = await one("user", "inviteUser", { type: 4, email: "new.user@sandbox.example.test", culture: "en-US" });
    assert.deepEqual([invited.email, invited.status], ["new.user@sandbox.example.test", 4]);
  });
  await operation("user: disableUser", async () => {
    const user = await one("user", "disableUser", { userId: COLLEAGUE });
    assert.deepEqual([user.status, await status(COLLEAGUE)], [2, 2]);
    const disabled = await list("listDisabledUsers");
    assert.deepEqual(disabled.map((item) => item.value), [COLLEAGUE]);
  });
  await operation("user: enableUser", async () => {
    const user = await one("user", "enableUser", { userId: COLLEAGUE });
    assert.deepEqual([user.status, await status(COLLEAGUE)], [1, 1]);
  });
  await operation("user: updateUser to room admin", async () => {
    assert.equal((await one("user", "updateUser", { userId: COLLEAGUE, type: 1 })).isRoomAdmin, true);
  });
  await operation("user: updateUser to user", async () => {
    await one("user", "updateUser", { userId: COLLEAGUE, type: 4 });
    // The node does not wait for this change, which is a task of the portal.
    for (let wait = 0; wait < 50 && !(await get(`people/${COLLEAGUE}`)).isCollaborator; wait += 1) {
      await new Promise((later) => setTimeout(later, 20));
    }
    assert.equal((await get(`people/${COLLEAGUE}`)).isCollaborator, true);
  });
  await operation("user: deleteUser", async () => {
    const id = await invite("to.delete@sandbox.example.test");
    await portal("PUT", "/api/2.0/people/status/2", { userIds: [id] });
    const deleted = await execute("user", "deleteUser", { userId: id });
    assert.deepEqual(deleted.map((item) => item.json.id), [id]);
    assert.equal((await portal("GET", `/api/2.0/people/${id}`)).status, 404);
  });
}

async function lists(room) {
  const names = (items) => items.map((item) => item.name);
  await operation("list: access levels of a room", async () => {
    assert.equal((await list("listAccessLevels", { roomId: String(room) }, "editor")).length, 1);
  });
  await operation("list: formats to convert to", async () => {
    const file = (await portal("POST", `/api/2.0/files/${INTERNAL_FOLDER}/file`, { title: "minutes.docx" })).response;
    assert.ok(names(await list("listConvertible", { fileId: file.id })).includes(".pdf"));
  });
  await operation("list: cultures", async () => {
    assert.deepEqual(names(await list("listCultures", {}, "de")), ["de"]);
  });
  await operation("list: disabled users", async () => {
    assert.deepEqual(await list("listDisabledUsers", {}, "anna"), []);
  });
  await operation("list: enabled users", async () => {
    assert.deepEqual(names(await list("listEnabledUsers", {}, "anna")), ["Anna Archivist"]);
  });
  await operation("list: invitable users", async () => {
    assert.deepEqual(names(await list("listInvitableUsers", { roomId: room }, "anna")), ["Anna Archivist"]);
  });
  await operation("list: removable users", async () => {
    const found = names(await list("listRemovableUsers", { roomId: room }));
    assert.ok(found.includes("Docflow Bot") || found.length > 0);
    assert.ok(!found.includes("Anna Archivist"));
  });
  await operation("list: rooms", async () => {
    assert.deepEqual(names(await list("listRooms", {}, "initech")), ["Initech"]);
  });
  await operation("list: users of a room", async () => {
    assert.deepEqual(names(await list("listRoomUsers", { roomId: room }, "new.guest")), ["new.guest@acme.example.test"]);
  });
  await operation("list: users", async () => {
    assert.deepEqual(names(await list("listUsers", {}, "anna")), ["Anna Archivist"]);
  });
}

async function run() {
  await credentialTest();
  await triggers();
  await files();
  await folders();
  const room = await rooms();
  // Only administrators change accounts.
  await portal("PATCH", "/sandbox/settings", { accountType: "administrator" });
  await people();
  await lists(room);
  finish("n8n node");
}

run();
