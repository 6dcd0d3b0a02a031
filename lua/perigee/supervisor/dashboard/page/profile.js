// Where the time of a service goes, and what holds its memory.
import { post, press } from "./admin.js";
import { fill, make } from "./dom.js";
import { flameGraph } from "./flame.js";
import * as format from "./format.js";
import { makeTable } from "./table.js";

function describeProfile(report, seconds) {
  const parts = [`${format.count(report.samples)} samples in ${seconds} s, one each `
    + `${report.interval_ms} ms that the service computed`];
  for (const worker of report.workers) {
    if (worker.error) {
      parts.push(`worker ${worker.worker}: ${worker.error}`);
    }
  }
  return parts.join("; ");
}

function download(name, stacks) {
  const lines = stacks.map(({ stack, count }) => `${stack} ${count}\n`);
  const url = URL.createObjectURL(new Blob(lines, { type: "text/plain" }));
  const link = make("a", { href: url, download: `${name}.folded` });
  link.click();
  URL.revokeObjectURL(url);
}

function showProfile(place, name, report, seconds) {
  if (report.samples === 0) {
    fill(place, make("p", null, "No samples: the service computed nothing in this time."),
      make("p", { class: "quiet" }, describeProfile(report, seconds)));
    return;
  }
  fill(place, make("p", { class: "quiet" }, describeProfile(report, seconds)),
    flameGraph(report.stacks),
    make("p", null, make("button", { type: "button", onclick: () => download(name, report.stacks) },
      "Save folded stacks")));
}

function heapTable(caption, title, name, list) {
  const table = makeTable({ caption, key: (one) => one[name], empty: "Nothing was found.", columns: [
    { title: "Size", kind: "number", cell: (one) => format.size(one.size) },
    { title: "Objects", kind: "number", cell: (one) => format.count(one.count) },
    { title, isHead: true, kind: "wide", cell: (one) => one[name] },
  ] });
  table.update(list);
  return table.element;
}

function showHeap(worker) {
  if (worker.error) {
    return make("p", null, `Worker ${worker.worker}: ${worker.error}`);
  }
  const found = `${format.size(worker.size)} in ${format.count(worker.count)} objects`;
  return [make("h3", null, `Worker ${worker.worker}, generation ${worker.generation}`),
    make("p", { class: "quiet" }, `A heap of ${format.size(worker.heap_size)}, found ${found}`,
      worker.is_complete ? "" : "; the rest was too much to look at"),
    heapTable("Objects by who holds them", "Held by", "path", worker.holders),
    heapTable("Objects by type", "Type", "type", worker.types)];
}

/** The part of a service's view that profiles it. */
export function profileSection(name) {
  const place = make("div", { "aria-live": "polite" });
  const seconds = make("select", null, [1, 5, 15, 60].map((value) =>
    make("option", { value, selected: value === 5 }, `${value} s`)));
  const cpu = make("button", { type: "button", class: "main", onclick: () => press(cpu, place,
    async () => {
      fill(place, `Watching ${name} for ${seconds.value} s …`);
      const report = await post(`/profile/${encodeURIComponent(name)}?seconds=${seconds.value}`);
      showProfile(place, name, report, seconds.value);
    }) }, "Profile");
  const heap = make("button", { type: "button", onclick: () => press(heap, place, async () => {
    fill(place, "Looking at its memory …");
    const report = await post(`/heap/${encodeURIComponent(name)}`);
    fill(place, report.workers.map(showHeap));
  }) }, "What holds its memory");
  return make("section", null, make("h2", null, "Profile"),
    make("div", { class: "fields" }, make("label", null, "For", seconds), cpu, heap), place);
}
