// The host itself: where it listens, its workers, shared memory and channels.
import { make, say } from "./dom.js";
import * as format from "./format.js";
import { makeTable } from "./table.js";

const number = (title, cell) => ({ title, kind: "number", cell });

function workersTable() {
  return makeTable({ caption: "Workers", isCaptionHidden: true, key: (worker) => worker.slot,
    columns: [
      { title: "Worker", isHead: true, cell: (worker) => String(worker.slot) },
      { title: "State", cell: (worker) => worker.state },
      number("Process", (worker) => format.text(worker.pid)),
      number("Restarts", (worker) => format.count(worker.restarts)),
      number("Connections", (worker) => format.count(worker.http?.connections)),
      number("Requests", (worker) => format.count(worker.http?.requests)),
      number("Refused", (worker) => format.count(worker.http?.refused)),
      number("RPC connections", (worker) => format.count(worker.rpc?.connections)),
      number("RPC calls", (worker) => format.count(worker.rpc?.calls)),
    ] });
}

function limitsTable() {
  return makeTable({ caption: "How often clients met a limit of a worker's servers",
    key: (row) => row.name, empty: "No limit was met.", columns: [
      { title: "Limit", isHead: true, cell: (row) => row.name },
      number("Times", (row) => format.count(row.count)),
    ] });
}

function limitsOf(workers) {
  const sums = new Map();
  for (const server of workers.flatMap((worker) => [worker.http, worker.rpc])) {
    for (const [name, count] of Object.entries(server?.limits ?? {})) {
      sums.set(name, (sums.get(name) ?? 0) + count);
    }
  }
  return [...sums].filter(([, count]) => count > 0).sort().map(([name, count]) => ({ name, count }));
}

function channelsTable() {
  return makeTable({ caption: "Named channels", isCaptionHidden: true,
    key: (channel) => channel.name, empty: "No channel has a name.", columns: [
      { title: "Channel", isHead: true, kind: "wide", cell: (channel) => channel.name },
      number("Messages", (channel) => format.count(channel.length)),
      number("Capacity", (channel) => format.count(channel.capacity)),
      number("Sent", (channel) => format.count(channel.sent)),
      number("Senders wait", (channel) => format.count(channel.waiting_senders)),
      number("Receivers wait", (channel) => format.count(channel.waiting_receivers)),
    ] });
}

const FACTS = ["Version", "Up for", "Process", "Directory", "HTTP", "RPC", "Admin", "Registry",
  "Shared memory"];

function factsOf(status) {
  const { addresses, registry, shared_memory: memory } = status;
  return [status.version, format.duration(status.uptime_s), String(status.pid), status.directory,
    format.text(addresses.https ? `${addresses.https} (TLS)` : addresses.http),
    format.text(addresses.rpc), format.text(addresses.admin), format.text(registry.location),
    memory?.total_size ? `${format.size(memory.used_size)} of ${format.size(memory.total_size)}`
      : "none"];
}

export function hostView() {
  const values = FACTS.map(() => make("dd"));
  const workers = workersTable();
  const limits = limitsTable();
  const channels = channelsTable();
  return { title: "Host", elements: [
    make("dl", { class: "numbers roomy" }, FACTS.map((name, i) =>
      make("div", null, make("dt", null, name), values[i]))),
    make("h2", null, "Workers"), workers.element,
    make("h2", null, "Limits"), limits.element,
    make("h2", null, "Channels"), channels.element,
  ], update({ status }) {
    factsOf(status).forEach((text, i) => say(values[i], text));
    workers.update(status.workers);
    limits.update(limitsOf(status.workers));
    channels.update(status.channels ?? []);
  } };
}
