// What the service is compared with: what the vendor's sample does. It verifies a delivery, copies its file by itself, and
// responds when the portal has responded, whose 200 it takes for success.
"use strict";

const { createHmac, timingSafeEqual } = require("node:crypto");
const { Agent, createServer, request: call } = require("node:http");

const { DOCSPACE_API_HOST: host, DOCSPACE_API_KEY: key, DOCSPACE_WEBHOOK_SECRET: secret } = process.env;
const room = process.env.SHARED_WITH_CLIENT_ROOM_ID;
const destFolderId = process.env.INTERNAL_PROCESSING_FOLDER_ID;
// As many as the portal takes at a time.
const agent = new Agent({ keepAlive: true, maxSockets: 15 });

function isSigned(header, body) {
  if (typeof header !== "string" || !header.startsWith("sha256=")) return false;
  const given = Buffer.from(header.slice("sha256=".length), "hex");
  const computed = createHmac("sha256", secret).update(body).digest();
  return given.length === computed.length && timingSafeEqual(given, computed);
}

function copy(file) {
  const body = JSON.stringify({ fileIds: [file], destFolderId, conflictResolveType: 2, deleteAfter: true });
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const copying = call(`${host}/api/2.0/files/fileops/copy`, { method: "PUT", agent, headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    });
    copying.on("error", reject).end(body);
  });
}

async function handle(body) {
  const { event, payload } = JSON.parse(body);
  if (event.trigger !== "file.uploaded" || String(payload.parentId) !== room) return 200;
  return copy(payload.id);
}

createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", async () => {
    const body = Buffer.concat(parts);
    if (request.method !== "POST") {
      response.writeHead(200).end();
    } else if (!isSigned(request.headers["x-docspace-signature-256"], body)) {
      response.writeHead(401).end();
    } else {
      response.writeHead(await handle(body).catch(() => 500)).end();
    }
  });
}).listen(Number(process.env.PORT), "127.0.0.1");
