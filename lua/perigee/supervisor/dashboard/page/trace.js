// One trace as a waterfall: what was done for a request, by whom, and when.
import { get } from "./admin.js";
import { draw, fill, make } from "./dom.js";
import * as format from "./format.js";
import { makeTable } from "./table.js";

const WIDTH = 1000;
const NARROWEST = 4;
const INDENT = "\u00a0\u00a0\u00a0";

function flatten(spans, depth = 0) {
  return spans.flatMap((span) => [{ ...span, depth }, ...flatten(span.children, depth + 1)]);
}

function bar(span, trace) {
  const scale = WIDTH / Math.max(trace.duration_s, 1e-9);
  const x = Math.min(WIDTH - NARROWEST, Math.max(0, (span.started - trace.started) * scale));
  const width = Math.min(WIDTH - x, Math.max(NARROWEST, span.duration_s * scale));
  return draw("svg", { viewBox: `0 0 ${WIDTH} 12`, preserveAspectRatio: "none", role: "img",
    class: span.error ? "failed" : null,
    "aria-label": `from ${format.duration(span.started - trace.started)} on, for `
      + format.duration(span.duration_s) },
  draw("rect", { x, y: 2, width, height: 8, rx: 1 }));
}

function list(values) {
  return Object.entries(values ?? {}).map(([name, value]) => `${name} = ${
    typeof value === "object" ? JSON.stringify(value) : value}`).join("\n");
}

function more(span) {
  const events = (span.events ?? []).map((event) =>
    `${event.name ?? "event"}\n${list(event.attributes)}`);
  return [span.error ? `error: ${span.error}` : "", list(span.attributes), ...events]
    .filter((text) => text !== "").join("\n\n");
}

function nameCell(span) {
  const text = more(span);
  const name = [INDENT.repeat(span.depth), span.name];
  return text === "" ? make("span", null, name)
    : make("details", null, make("summary", null, name), make("pre", null, text));
}

function waterfall(trace) {
  const spans = flatten(trace.spans);
  const table = makeTable({ caption: "Spans", isCaptionHidden: true, key: (span) => span.id,
    empty: "Its spans had no room.", columns: [
      { title: "Span", isHead: true, kind: "wide", cell: nameCell },
      { title: "Kind", cell: (span) => format.text(span.kind) },
      { title: "Service", cell: (span) => format.text(span.service) },
      { title: "Worker", kind: "number", cell: (span) => format.text(span.worker) },
      { title: "Took", kind: "number", cell: (span) => format.duration(span.duration_s) },
      { title: "When", kind: "spans", cell: (span) => bar(span, trace) },
    ] });
  table.element.classList.add("waterfall");
  table.update(spans);
  return table.element;
}

export function traceView(context, id) {
  const place = make("div");
  get(`/traces/${encodeURIComponent(id)}`).then((trace) => fill(place,
    make("p", { class: "quiet" }, `${format.moment(trace.started)}, ${
      format.duration(trace.duration_s)}`, trace.dropped_spans > 0
      ? `, ${format.count(trace.dropped_spans)} spans had no room` : ""),
    waterfall(trace)), (failure) => fill(place, make("p", null, failure.message)));
  return { title: `Trace ${id}`, elements: [
    make("p", null, make("a", { href: "#/traces" }, "all traces")), place] };
}
