// Verifies a call with the snippet of docs/API.md: node verify.mjs SNIPPET SECRET CALL
import { readFileSync } from "node:fs";

const [snippet, secret, call] = process.argv.slice(2);
const { isGenuine } = await import(snippet);
const { headers, body } = JSON.parse(readFileSync(call, "utf8"));
const verdicts = [
  isGenuine(secret, headers, Buffer.from(body)),
  !isGenuine(secret, headers, Buffer.from(body + " ")),
  !isGenuine("another secret", headers, Buffer.from(body)),
  !isGenuine(secret, { ...headers, "webhook-timestamp": "1" }, Buffer.from(body)),
  !isGenuine(secret, { ...headers, "webhook-signature": "v1,AAAA" }, Buffer.from(body)),
];
if (verdicts.includes(false)) throw new Error(`the snippet for Node says ${verdicts}`);
