// The last minutes of every service, out of the snapshots: counts become rates, and buckets become
// quantiles of what happened between two snapshots.

const KEPT = 300;
const QUANTILE_SNAPSHOTS = 10;

function sum(isolates, name) {
  return isolates.reduce((total, isolate) => total + (Number(isolate[name]) || 0), 0);
}

/** The generation that has the requests, in all workers; of old ones only what they hold counts. */
function observe(service, time, traffic) {
  return {
    time,
    heap: sum(service.isolates, "heap_size"),
    tasks: sum(service.isolates, "tasks"),
    inFlight: sum(service.isolates, "in_flight"),
    busy: sum(service.isolates, "busy_s"),
    generation: service.generation,
    traffic: traffic ? traffic[service.name] ?? { count: 0, errors: 0, buckets: [] } : null,
  };
}

/** The value below which the part `q` of what lies between two counts of buckets is. */
export function quantile(q, bounds, newer, older) {
  const counts = newer.map((count, i) => Math.max(0, count - (older[i] ?? 0)));
  const total = counts.reduce((a, b) => a + b, 0);
  if (!bounds || total === 0) {
    return null;
  }
  let below = 0;
  for (let i = 0; i < counts.length; i += 1) {
    if (counts[i] > 0 && below + counts[i] >= q * total) {
      const low = i === 0 ? 0 : bounds[i - 1];
      const high = bounds[i] ?? low;
      return low + (high - low) * (q * total - below) / counts[i];
    }
    below += counts[i];
  }
  return bounds[bounds.length - 1];
}

function derive(points) {
  const now = points[points.length - 1];
  const before = points[points.length - 2];
  const longer = points[Math.max(0, points.length - 1 - QUANTILE_SNAPSHOTS)];
  const seconds = before ? now.time - before.time : 0;
  const between = (name) => (seconds > 0 && now.traffic && before.traffic
    ? Math.max(0, now.traffic[name] - before.traffic[name]) / seconds : null);
  const q = (part) => (now.traffic?.bounds && longer !== now
    ? quantile(part, now.traffic.bounds, now.traffic.buckets, longer.traffic?.buckets ?? [])
    : null);
  now.rate = between("count");
  now.errors = between("errors");
  now.cpu = seconds > 0 && now.busy >= before.busy ? (now.busy - before.busy) / seconds : null;
  now.p50 = q(0.5);
  now.p99 = q(0.99);
}

export class History {
  services = new Map();

  /** Takes a snapshot in. */
  add(snapshot) {
    const seen = new Set();
    for (const service of snapshot.status.services) {
      const points = this.services.get(service.name) ?? [];
      this.services.set(service.name, points);
      seen.add(service.name);
      points.push(observe(service, snapshot.time, snapshot.traffic));
      derive(points);
      if (points.length > KEPT) {
        points.shift();
      }
    }
    for (const name of this.services.keys()) {
      if (!seen.has(name)) {
        this.services.delete(name);
      }
    }
  }

  /** The points of a service, the oldest first. */
  of(name) {
    return this.services.get(name) ?? [];
  }

  /** Its newest point; an empty one when there is none. */
  now(name) {
    return this.of(name).at(-1) ?? {};
  }
}
