// What the service is compared with: verifies a delivery, parses it, and stores nothing.
"use strict";

const { createHmac, timingSafeEqual } = require("node:crypto");
const { createServer } = require("node:http");

const secret = process.env.DOCSPACE_WEBHOOK_SECRET;

function isSigned(header, body) {
  if (typeof header !== "string" || !header.startsWith("sha256=")) return false;
  const given = Buffer.from(header.slice("sha256=".length), "hex");
  const computed = createHmac("sha256", secret).update(body).digest();
  return given.length === computed.length && timingSafeEqual(given, computed);
}

createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const body = Buffer.concat(parts);
    if (request.method === "POST" && !isSigned(request.headers["x-docspace-signature-256"], body)) {
      response.writeHead(401).end();
      return;
    }
    if (body.length > 0) JSON.parse(body);
    const text = '{"status":"accepted"}';
    response.writeHead(200, { "content-type": "application/json", "content-length": text.length }).end(text);
  });
}).listen(Number(process.env.PORT), "127.0.0.1");
