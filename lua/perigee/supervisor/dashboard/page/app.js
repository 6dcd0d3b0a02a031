// The dashboard: one view at a time, by the fragment of the address, and the host's snapshots, which
// come once a second.
import { fill, make, mark, say } from "./dom.js";
import { History } from "./history.js";
import { hostView } from "./host.js";
import { instancesView } from "./instances.js";
import { listen } from "./listen.js";
import { logsView } from "./logs.js";
import { serviceView } from "./service.js";
import { servicesView } from "./services.js";
import { traceView } from "./trace.js";
import { tracesView } from "./traces.js";

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const version = document.getElementById("version");

// Pattern of the fragment → what makes its view: (context, ...parts) → { title, elements,
// update(snapshot), close() }.
const VIEWS = [
  [/^#\/services\/([^/]+)$/, serviceView],
  [/^#\/services$/, servicesView],
  [/^#\/instances$/, instancesView],
  [/^#\/logs(?:\/([^/]+))?$/, logsView],
  [/^#\/traces\/([^/]+)$/, traceView],
  [/^#\/traces$/, tracesView],
  [/^#\/host$/, hostView],
];

const context = { history: new History(), snapshot: null };
let view = null;

function find(fragment) {
  for (const [pattern, create] of VIEWS) {
    const match = pattern.exec(fragment);
    if (match) {
      return create(context, ...match.slice(1).map((part) => part && decodeURIComponent(part)));
    }
  }
  return servicesView(context);
}

function markCurrent(fragment) {
  for (const link of document.querySelectorAll("#views a")) {
    const isCurrent = fragment.startsWith(link.getAttribute("href"));
    mark(link, "aria-current", isCurrent ? "page" : null);
  }
}

function show(isFirst) {
  const fragment = window.location.hash || "#/services";
  if (!fragment.startsWith("#/")) {
    return;
  }
  view?.close?.();
  view = find(fragment);
  markCurrent(fragment);
  const heading = make("h1", { tabindex: "-1" }, view.title);
  fill(main, heading, view.elements);
  document.title = `${view.title} – Perigee`;
  if (context.snapshot) {
    view.update?.(context.snapshot);
  }
  if (!isFirst) {
    heading.focus();
    window.scrollTo(0, 0);
  }
}

function take(event) {
  context.snapshot = JSON.parse(event.data);
  context.history.add(context.snapshot);
  say(version, context.snapshot.status.version);
  tell("live", "live");
  view?.update?.(context.snapshot);
}

function tell(state, text) {
  mark(connection, "data-state", state);
  say(connection, text);
}

window.addEventListener("hashchange", () => show(false));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
show(true);
listen("/events", { snapshot: take }, (isLost) => {
  if (isLost) {
    tell("lost", "no connection to the host");
  }
});
