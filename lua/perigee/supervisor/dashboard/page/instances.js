// The instances that the registry knows, and how those that services of this host call are.
import { get } from "./admin.js";
import { fill, make } from "./dom.js";
import * as format from "./format.js";
import { keep, makeTable } from "./table.js";

const PERIOD_MS = 3000;

// Of all isolates that call it: who leaves it out, and what it did.
function healthOf(status) {
  const sums = new Map();
  for (const isolate of status.services.flatMap((service) => service.isolates)) {
    for (const destination of Object.values(isolate.destinations ?? {})) {
      for (const [id, one] of Object.entries(destination.instances ?? {})) {
        const sum = sums.get(id) ?? { requests: 0, failures: 0, inFlight: 0, isOut: false,
          isHealthy: true, latency: null };
        sums.set(id, sum);
        sum.requests += one.requests;
        sum.failures += one.failures;
        sum.inFlight += one.in_flight;
        sum.isOut ||= one.is_ejected;
        sum.isHealthy &&= one.is_healthy;
        sum.latency = one.latency_s ?? sum.latency;
      }
    }
  }
  return sums;
}

function stateOf(health) {
  if (!health) {
    return ["not called", "plain"];
  } else if (!health.isHealthy) {
    return ["ill", "bad"];
  }
  return health.isOut ? ["left out", "warn"] : ["in use", "good"];
}

export function instancesView({ snapshot }) {
  const said = make("p", { class: "quiet" });
  let health = new Map();
  let instances = [];
  const of = (one) => health.get(one.id);
  const table = makeTable({ caption: "Instances", isCaptionHidden: true,
    key: (one) => `${one.service} ${one.id}`, empty: "The registry knows no instance.", columns: [
      { title: "Service", isHead: true, cell: (one) => one.service },
      { title: "Address", kind: "steady", cell: (one) => format.text(one.address) },
      { title: "State", cell: (one, kept) => {
        const [words, kind] = stateOf(of(one));
        return keep(kept, "state", () => make("span"), (node) => {
          node.className = `badge ${kind}`;
          node.textContent = words;
        });
      } },
      { title: "Version", cell: (one) => format.text(one.version) },
      { title: "Generation", kind: "number", cell: (one) => format.text(one.generation) },
      { title: "Zone", cell: (one) => format.text(one.zone) },
      { title: "Calls", kind: "number", cell: (one) => format.count(of(one)?.requests) },
      { title: "Failed", kind: "number", cell: (one) => format.count(of(one)?.failures) },
      { title: "In flight", kind: "number", cell: (one) => format.count(of(one)?.inFlight) },
      { title: "Latency", kind: "number", cell: (one) => format.duration(of(one)?.latency) },
    ] });

  function update({ status }) {
    health = healthOf(status);
    const { registry } = status;
    fill(said, `Registry: ${format.text(registry.location)}`);
    table.update(instances);
  }

  async function load() {
    try {
      ({ instances } = await get("/instances"));
      table.update(instances);
    } catch (failure) {
      fill(said, failure.message);
    }
  }

  const timer = window.setInterval(load, PERIOD_MS);
  load();
  if (snapshot) {
    update(snapshot);
  }
  return { title: "Instances", elements: [said, table.element], update,
    close: () => window.clearInterval(timer) };
}
