// Shows what changed without a reload. The pages are whole without it.
"use strict";

const EVERY_MS = 5000;

async function refresh() {
  const answer = await fetch(location.href);
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const changed = fresh.getElementById(part.id);
    // Not under a reader's keyboard.
    if (changed && !part.contains(document.activeElement)) part.replaceWith(changed);
  }
}

setInterval(() => {
  // While the service restarts, what is shown stays.
  if (!document.hidden && document.querySelector("[data-live]")) refresh().catch(() => {});
}, EVERY_MS);
