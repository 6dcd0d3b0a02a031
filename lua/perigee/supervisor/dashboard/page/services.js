// All services at a glance, and above them what went wrong.
import { makeSpark } from "./chart.js";
import { fill, make } from "./dom.js";
import * as format from "./format.js";
import { keep, makeTable } from "./table.js";

export function linkTo(name) {
  return make("a", { href: `#/services/${encodeURIComponent(name)}` }, name);
}

/** What is to be said of a service's state: [words, kind of badge]. */
export function stateOf(service) {
  if (service.state !== "live") {
    return ["failed", "bad"];
  }
  return service.last_error ? ["reload failed", "warn"] : ["live", "good"];
}

export function badgeOf(service) {
  const [words, kind] = stateOf(service);
  return make("span", { class: `badge ${kind}` }, words);
}

function makeBadge(service, kept) {
  const [words, kind] = stateOf(service);
  return keep(kept, "state", () => make("span"), (node) => {
    node.className = `badge ${kind}`;
    node.textContent = words;
  });
}

function makeColumns(history) {
  const now = (service) => history.now(service.name);
  return [
    { title: "Service", isHead: true, cell: (service, kept) =>
      keep(kept, "name", () => linkTo(service.name)) },
    { title: "State", cell: makeBadge },
    { title: "Generation", kind: "number", cell: (service) => format.text(service.generation) },
    { title: "Requests/s", kind: "number", cell: (service) => format.rate(now(service).rate) },
    { title: "Last 5 min", cell: (service, kept) => {
      const spark = kept.get("chart") ?? makeSpark();
      kept.set("chart", spark);
      spark.update(history.of(service.name).map((point) => point.rate ?? point.cpu));
      return spark.element;
    } },
    { title: "Errors/s", kind: "number", cell: (service) => format.rate(now(service).errors) },
    { title: "p50", kind: "number", cell: (service) => format.duration(now(service).p50) },
    { title: "p99", kind: "number", cell: (service) => format.duration(now(service).p99) },
    { title: "CPU", kind: "number", cell: (service) => format.share(now(service).cpu) },
    { title: "Memory", kind: "number", cell: (service) => format.size(now(service).heap) },
    { title: "Tasks", kind: "number", cell: (service) => format.count(now(service).tasks) },
    { title: "In flight", kind: "number", cell: (service) => format.count(now(service).inFlight) },
    { title: "Reloads", kind: "number", cell: (service) => format.count(service.reloads) },
    { title: "Failures", kind: "number", cell: (service) => format.count(service.failures) },
  ];
}

function notice(service) {
  return make("section", { class: "notice" },
    make("h2", null, linkTo(service.name), service.generation
      ? `: the last reload failed, generation ${service.generation} stays`
      : ": it has never loaded"),
    make("pre", null, service.last_error.message.split("\n")[0]),
    make("p", { class: "quiet" }, format.moment(service.last_error.at)));
}

export function servicesView({ history }) {
  const problems = make("div", { "aria-live": "polite" });
  let told = null;
  const table = makeTable({ caption: "Services", isCaptionHidden: true, columns: makeColumns(history),
    key: (service) => service.name, empty: "There is no service in the directory." });

  return { title: "Services", elements: [problems, table.element], update({ status }) {
    const failed = status.services.filter((service) => service.last_error);
    const now = JSON.stringify(failed.map((service) => [service.name, service.last_error]));
    if (now !== told) {
      told = now;
      fill(problems, failed.map(notice));
    }
    table.update(status.services);
  } };
}
