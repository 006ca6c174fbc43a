// Updates the page without a reload. The pages work without this script.
"use strict";

const DEFAULT_INTERVAL_MS = 5000;

let shownAt = new Date();

// Says above the page why it no longer changes, or removes what was said.
function warn(sentence, address, linkText) {
  document.getElementById("stale")?.remove();
  if (!sentence) return;
  const banner = document.createElement("p");
  banner.id = "stale";
  banner.className = "card bad";
  banner.setAttribute("role", "alert");
  banner.append(`${sentence} `);
  if (address) {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = linkText;
    banner.append(link);
  }
  document.querySelector("main").prepend(banner);
}

const isSignedIn = (page) => page.querySelector("form[action='/logout']") !== null;

async function refresh() {
  let response;
  try {
    // A page that is the response to a form cannot be asked for again.
    response = await fetch(live.dataset.from ?? location.href);
  } catch {
    warn(`docspace-courier does not answer. This page shows what was known at ${shownAt.toLocaleTimeString()}.`);
    return;
  }
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if ((isSignedIn(document) && !isSignedIn(fresh)) || response.status === 401) {
    warn("You are signed out, so this page no longer changes.", "/login", "Sign in");
    return;
  }
  if (!response.ok || response.redirected) {
    warn(`This page cannot be read. It shows what was known at ${shownAt.toLocaleTimeString()}.`, location.href, "Try again");
    return;
  }
  warn();
  shownAt = new Date();
  document.title = fresh.title;
  for (const part of document.querySelectorAll("[data-live]")) {
    const changed = fresh.getElementById(part.id);
    // A part that has the keyboard focus stays.
    if (changed && !part.contains(document.activeElement)) part.replaceWith(changed);
  }
}

const live = document.querySelector("[data-live]");
if (live) {
  setInterval(() => {
    if (!document.hidden) refresh();
  }, Number(live.dataset.live) || DEFAULT_INTERVAL_MS);
}

// In the editor, the line number of an error selects its line.
const text = document.getElementById("text");
for (const link of document.querySelectorAll("a[data-line]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const lines = text.value.split("\n");
    const line = Number(link.dataset.line) - 1;
    const start = lines.slice(0, line).join("\n").length + (line > 0 ? 1 : 0);
    text.focus();
    text.setSelectionRange(start, start + (lines[line] ?? "").length);
    text.scrollTop = (text.scrollHeight / lines.length) * Math.max(0, line - 3);
  });
}

