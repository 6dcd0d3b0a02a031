// The host's log as it is written, with a filter.
import { fill, make } from "./dom.js";
import * as format from "./format.js";
import { listen } from "./listen.js";

const KEPT = 1000;
const LEVELS = ["debug", "info", "warn", "error"];

function line(event) {
  return make("li", { "data-level": event.level },
    make("time", { datetime: new Date(1000 * event.time).toISOString() }, format.clock(event.time)),
    make("span", { class: "level" }, event.level), make("span", { class: "who" }, event.service),
    make("span", { class: "what" }, event.text));
}

export function logsView({ snapshot }, name) {
  const lines = make("ol", { class: "log", tabindex: "0", "aria-label": "Log lines" });
  const said = make("p", { class: "quiet", role: "status" });
  const service = make("select", null, make("option", { value: "" }, "all"));
  const level = make("select", null, LEVELS.map((one) =>
    make("option", { selected: one === "info" }, one)));
  const words = make("input", { type: "search" });
  const isFollowing = make("input", { type: "checkbox", checked: true });
  let stop = null;
  let known = "";

  function isShown(item) {
    return item.textContent.toLowerCase().includes(words.value.trim().toLowerCase());
  }

  function add(event) {
    const item = line(JSON.parse(event.data));
    item.hidden = !isShown(item);
    lines.append(item);
    while (lines.children.length > KEPT) {
      lines.firstChild.remove();
    }
    if (isFollowing.checked) {
      lines.scrollTop = lines.scrollHeight;
    }
  }

  function close() {
    stop?.();
  }

  function follow() {
    close();
    fill(lines);
    const query = new URLSearchParams({ level: level.value, limit: "500" });
    if (service.value !== "") {
      query.set("service", service.value);
    }
    // A stream begins with the last lines, so those there are have to go.
    stop = listen(`/logs?${query}`, { log: add }, (isLost) => {
      fill(said, isLost ? "The host does not send its log; asking again." : "");
      if (!isLost) {
        fill(lines);
      }
    });
  }

  function filter() {
    for (const item of lines.children) {
      item.hidden = !isShown(item);
    }
  }

  function update({ status }) {
    const names = [...new Set([...status.services.map((one) => one.name), name ?? ""])]
      .filter((one) => one !== "").sort();
    if (names.join("\n") !== known) {
      known = names.join("\n");
      const chosen = service.value || name || "";
      fill(service, make("option", { value: "" }, "all"), names.map((one) =>
        make("option", { value: one, selected: one === chosen }, one)));
    }
  }

  service.addEventListener("change", follow);
  level.addEventListener("change", follow);
  words.addEventListener("input", filter);
  update(snapshot ?? { status: { services: [] } });
  follow();
  return { title: "Log", update, close, elements: [
    make("div", { class: "fields" }, make("label", null, "Service", service),
      make("label", null, "From level", level), make("label", { class: "grow" }, "With text", words),
      make("label", { class: "check" }, isFollowing, "Follow")), said, lines] };
}
