// One service: how it does, what its last error was, what can be asked of it, and where its time and
// memory go.
import { get, post, press } from "./admin.js";
import { makeChart } from "./chart.js";
import { fill, make, say } from "./dom.js";
import * as format from "./format.js";
import { profileSection } from "./profile.js";
import { badgeOf, stateOf } from "./services.js";
import { makeTable } from "./table.js";
import { callForm, requestForm } from "./trial.js";

function makeNumbers(names) {
  const values = new Map(names.map((name) => [name, make("dd")]));
  const element = make("dl", { class: "numbers" }, names.map((name) =>
    make("div", null, make("dt", null, name), values.get(name))));
  return { element, set: (name, text) => say(values.get(name), text) };
}

function isolatesTable() {
  const number = (title, cell) => ({ title, kind: "number", cell });
  return makeTable({
    caption: "Its isolates, one in each worker and one for each generation that finishes",
    isCaptionHidden: true,
    key: (one) => `${one.worker} ${one.generation}`,
    empty: "It runs in no worker.",
    columns: [
      { title: "Worker", isHead: true, cell: (one) => String(one.worker) },
      number("Generation", (one) => one.generation),
      { title: "State", cell: (one) => (one.is_active ? "has the requests" : "finishes") },
      number("In flight", (one) => format.count(one.in_flight)),
      number("WebSockets", (one) => format.count(one.websockets)),
      number("Tasks", (one) => format.count(one.tasks)),
      number("Memory", (one) => format.size(one.heap_size)),
      number("CPU", (one) => format.duration(one.busy_s)),
      number("Cut turns", (one) => format.count(one.cuts)),
      number("Turned away", (one) => format.count(one.turned_away)),
    ],
  });
}

function sourceLines({ path, line, lines }) {
  return [make("p", { class: "quiet" }, `${path}, line ${line}`),
    make("pre", { class: "source", tabindex: "0", role: "region", "aria-label": "Source" },
      lines.map(({ number, text }) => make("span", { class: number === line ? "at" : null },
        make("b", null, String(number)), text === "" ? " " : text)))];
}

async function showError(place, service) {
  const source = make("div");
  fill(place, make("section", { class: "notice" },
    make("h2", null, service.generation
      ? `The last reload failed, generation ${service.generation} stays` : "It has never loaded"),
    make("pre", null, service.last_error.message), source,
    make("p", { class: "quiet" }, format.moment(service.last_error.at))));
  try {
    fill(source, sourceLines(await get(`/source/${encodeURIComponent(service.name)}`)));
  } catch {
    // An error that names no line of the service has none to show.
  }
}

function tasksSection(name) {
  const place = make("div", { "aria-live": "polite" });
  const table = makeTable({ caption: "Tasks that have waited longest", key: (task) => task.key,
    empty: "It has no task.", columns: [
      { title: "Task", isHead: true, kind: "wide", cell: (task) => task.name },
      { title: "Worker", kind: "number", cell: (task) => task.worker },
      { title: "State", cell: (task) => task.state },
      { title: "Waits on", cell: (task) => format.text(task.waits_on) },
      { title: "For", kind: "number", cell: (task) => format.duration(task.waited_s) },
      { title: "At", kind: "wide", cell: (task) => format.text(task.at) },
      { title: "Started at", kind: "wide", cell: (task) => format.text(task.spawned_at) },
    ] });
  const button = make("button", { type: "button", onclick: () => press(button, place, async () => {
    const report = await get(`/tasks?service=${encodeURIComponent(name)}`);
    const tasks = report.isolates.flatMap((isolate) => (isolate.tasks ?? []).map((task, i) =>
      ({ ...task, worker: isolate.worker, key: `${isolate.worker} ${isolate.generation} ${i}` })));
    fill(place, table.element);
    table.update(tasks);
  }) }, "Show tasks");
  return make("section", null, make("h2", null, "Tasks"), button, place);
}

function shapeOf(service) {
  return JSON.stringify([service.generation, service.mount, service.routes, service.methods]);
}

async function describeMethods(service) {
  const { services } = await get("/methods");
  const own = new Set(service.methods ?? []);
  return services.flatMap((one) => one.Methods.map((method) =>
    ({ ...method, full: `${one.Name}.${method.Name}` }))).filter((method) => own.has(method.full));
}

async function showInterface(place, service) {
  const parts = [];
  const routes = service.routes ?? [];
  if (routes.length > 0) {
    parts.push(make("h2", null, "Routes"), make("div", { class: "frame" },
      routes.map((route) => requestForm(service.mount, route))));
  }
  if ((service.methods ?? []).length > 0) {
    const methods = await describeMethods(service);
    parts.push(make("h2", null, "RPC methods"), make("div", { class: "frame" },
      methods.map(callForm)));
  }
  fill(place, parts);
}

function makeCharts() {
  const line = (name, show) => ({ name, format: show });
  const charts = [
    [makeChart("Requests/s", [line("all", format.rate), line("errors", format.rate)]),
      ["rate", "errors"]],
    [makeChart("Latency", [line("p50", format.duration), line("p99", format.duration)]),
      ["p50", "p99"]],
    [makeChart("Memory", [line("heap", format.size)]), ["heap"]],
    [makeChart("CPU, of one core", [line("busy", format.share)]), ["cpu"]],
  ];
  return { element: make("div", { class: "charts" }, charts.map(([chart]) => chart.element)),
    update(points) {
      for (const [chart, names] of charts) {
        chart.update(names.map((name) => points.map((point) => point[name])));
      }
    } };
}

function reloadButton(name, place) {
  const button = make("button", { type: "button", onclick: () => press(button, place, async () => {
    fill(place, "");
    const answer = await post(`/reload/${encodeURIComponent(name)}`);
    fill(place, `generation ${answer.generation} has the requests`);
  }) }, "Reload");
  return button;
}

const NUMBERS = ["Generation", "Requests", "Errors", "Requests/s", "Errors/s", "p50", "p99", "Memory",
  "CPU", "Tasks", "In flight", "Reloads", "Failures"];

function setNumbers(numbers, service, now) {
  const texts = [format.text(service.generation), format.count(now.traffic?.count),
    format.count(now.traffic?.errors), format.rate(now.rate), format.rate(now.errors),
    format.duration(now.p50), format.duration(now.p99), format.size(now.heap),
    format.share(now.cpu), format.count(now.tasks), format.count(now.inFlight), format.count(service.reloads),
    format.count(service.failures)];
  NUMBERS.forEach((name, i) => numbers.set(name, texts[i]));
}

export function serviceView({ history }, name) {
  const state = make("p");
  const said = make("span", { class: "quiet", role: "status" });
  const problem = make("div", { "aria-live": "polite" });
  const numbers = makeNumbers(NUMBERS);
  const charts = makeCharts();
  const isolates = isolatesTable();
  const surface = make("div");
  let shape = null;
  let shownError = null;
  let shownState = null;

  function updateState(service) {
    const now = JSON.stringify([stateOf(service), service.mount, service.path]);
    if (now !== shownState) {
      shownState = now;
      fill(state, badgeOf(service), " ", make("span", { class: "quiet" }, service.path,
        service.mount ? ` at ${service.mount}` : ""));
    }
  }

  function updateError(service) {
    const now = service.last_error ? JSON.stringify(service.last_error) : null;
    if (now !== shownError) {
      shownError = now;
      if (service.last_error) {
        showError(problem, service);
      } else {
        fill(problem);
      }
    }
  }

  function update({ status }) {
    const service = status.services.find((one) => one.name === name);
    if (!service) {
      fill(state, `There is no service '${name}'.`);
      return;
    }
    updateState(service);
    updateError(service);
    setNumbers(numbers, service, history.now(name));
    charts.update(history.of(name));
    isolates.update(service.isolates);
    if (shape !== shapeOf(service)) {
      shape = shapeOf(service);
      showInterface(surface, service).catch((failure) => fill(surface, failure.message));
    }
  }

  return { title: name, update, elements: [state,
    make("p", { class: "fields" }, reloadButton(name, said),
      make("a", { href: `#/logs/${encodeURIComponent(name)}` }, "its log"), said),
    problem, numbers.element, charts.element, surface,
    make("h2", null, "Isolates"), isolates.element, tasksSection(name), profileSection(name)] };
}
