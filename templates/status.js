// Updates the page without a reload. The pages work without this script.
"use strict";

const DEFAULT_INTERVAL_MS = 5000;

async function refresh() {
  // A page that is the response to a form cannot be asked for again.
  const response = await fetch(live.dataset.from ?? location.href);
  if (!response.ok || response.redirected) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const changed = fresh.getElementById(part.id);
    // A part that has the keyboard focus stays.
    if (changed && !part.contains(document.activeElement)) part.replaceWith(changed);
  }
}

const live = document.querySelector("[data-live]");
if (live) {
  setInterval(() => {
    // While the service restarts, the page stays as it is.
    if (!document.hidden) refresh().catch(() => {});
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

