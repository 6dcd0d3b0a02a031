// The last requests that were slow, failed or were sampled.
import { get } from "./admin.js";
import { fill, make } from "./dom.js";
import * as format from "./format.js";
import { keep, makeTable } from "./table.js";

const PERIOD_MS = 2000;
const KINDS = ["slow", "failed", "sampled"];
const BADGES = { slow: "warn", failed: "bad", sampled: "plain" };

function kindBadges(trace) {
  return make("span", null, trace.kinds.flatMap((kind, i) =>
    [i > 0 ? " " : null, make("span", { class: `badge ${BADGES[kind] ?? "plain"}` }, kind)]));
}

function tracesTable() {
  return makeTable({ caption: "Traces", isCaptionHidden: true, empty: "No such request is kept.",
    key: (trace) => `${trace.id} ${trace.service} ${trace.started}`, columns: [
      { title: "Request", isHead: true, kind: "wide", cell: (trace, kept) => keep(kept, "link", () =>
        make("a", { href: `#/traces/${encodeURIComponent(trace.id)}` }, trace.name)) },
      { title: "Service", kind: "steady", cell: (trace) => trace.service },
      { title: "Kept as", cell: (trace, kept) => keep(kept, "kinds", () => kindBadges(trace)) },
      { title: "Status", kind: "number", cell: (trace) => format.text(trace.status) },
      { title: "Took", kind: "number", cell: (trace) => format.duration(trace.duration_s) },
      { title: "Spans", kind: "number", cell: (trace) => format.count(trace.span_count) },
      { title: "Worker", kind: "number", cell: (trace) => format.text(trace.worker) },
      { title: "Began", kind: "steady", cell: (trace) => format.moment(trace.started) },
      { title: "Error", kind: "wide", cell: (trace) => format.text(trace.error).split("\n")[0] },
    ] });
}

export function tracesView({ snapshot }) {
  const said = make("p", { class: "quiet", role: "status" });
  const kind = make("select", null, make("option", { value: "" }, "any"), KINDS.map((one) =>
    make("option", null, one)));
  const service = make("select", null, make("option", { value: "" }, "all"));
  const table = tracesTable();
  let known = "";

  async function load() {
    const query = new URLSearchParams({ limit: "200" });
    for (const [name, field] of [["kind", kind], ["service", service]]) {
      if (field.value !== "") {
        query.set(name, field.value);
      }
    }
    try {
      const { traces, counters } = await get(`/traces?${query}`);
      fill(said, `${format.count(counters.held)} kept of ${format.count(counters.kept)}`);
      table.update(traces);
    } catch (failure) {
      fill(said, failure.message);
    }
  }

  function update({ status }) {
    const names = status.services.map((one) => one.name);
    if (names.join("\n") !== known) {
      known = names.join("\n");
      const chosen = service.value;
      fill(service, make("option", { value: "" }, "all"), names.map((one) =>
        make("option", { value: one, selected: one === chosen }, one)));
    }
  }

  kind.addEventListener("change", load);
  service.addEventListener("change", load);
  const timer = window.setInterval(load, PERIOD_MS);
  load();
  update(snapshot ?? { status: { services: [] } });
  return { title: "Traces", update, close: () => window.clearInterval(timer), elements: [
    make("div", { class: "fields" }, make("label", null, "Kept as", kind),
      make("label", null, "Service", service)), said, table.element] };
}
