// Runs the operations of a client one after the other, and prints a table of those that did their job.
"use strict";

const assert = require("node:assert/strict");
const { writeSync } = require("node:fs");

const SECONDS = 20;

const results = [];

/**
 * Runs one operation. It did its job if nothing throws; the check inside looks at the effect, not at the status. An
 * operation that cannot do its job with any portal has a known reason.
 */
async function operation(name, run, knownReason) {
  const limit = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`no result within ${SECONDS} s`)), SECONDS * 1000).unref();
  });
  try {
    const note = await Promise.race([run(), limit]);
    results.push([name, "yes", note ?? ""]);
  } catch (error) {
    results.push([name, knownReason ? "no" : "NO", knownReason ?? reason(error)]);
  }
}

function reason(error) {
  const response = error.response ?? error.cause?.response;
  const answer = response ? `${response.status} ${JSON.stringify(response.data)}` : "";
  const text = `${error.message} ${error.description ?? ""} ${answer}`;
  return text.replace(/\s+/g, " ").replaceAll("|", "\\|").slice(0, 200);
}

/** Prints the table and ends with a failure if an operation did not do its job. */
function finish(client) {
  const done = results.filter((row) => row[1] === "yes").length;
  const lines = [
    `| ${client} | did its job | why not |`,
    "|---|---|---|",
    ...results.map((row) => `| ${row.join(" | ")} |`),
    `\n${done} of ${results.length} did their job\n`,
  ];
  writeSync(1, lines.join("\n"));
  process.exit(results.some((row) => row[1] === "NO") ? 1 : 0);
}

/** A call of the portal's API apart from the client, to see what the client changed. */
async function portal(method, path, body) {
  const response = await fetch(process.env.PORTAL_HOST + path, {
    method,
    headers: {
      authorization: `Bearer ${process.env.PORTAL_KEY}`,
      ...(body ? { "content-type": "application/json" } : {}),
    },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  return { status: response.status, response: answer.response };
}

module.exports = { assert, operation, finish, portal };
