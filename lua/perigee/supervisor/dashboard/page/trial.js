// Forms that try a route or a method. The host sends the request to its own port, so what comes back
// is what a client gets.
import { post, press } from "./admin.js";
import { fill, make } from "./dom.js";
import * as format from "./format.js";

const WITH_BODY = ["POST", "PUT", "PATCH"];

function joined(mount, pattern) {
  if (mount === "/") {
    return pattern;
  }
  return pattern === "/" ? mount : mount + pattern;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function showAnswer(place, answer) {
  if (answer.error) {
    fill(place, make("p", null, make("span", { class: "badge bad" }, "no answer"), " ",
      answer.error));
    return;
  }
  const kind = answer.status < 400 ? "good" : answer.status < 500 ? "warn" : "bad";
  fill(place,
    make("p", null, make("span", { class: `badge ${kind}` }, String(answer.status)), " ",
      make("span", { class: "quiet" }, `${format.duration(answer.ms / 1000)}, `,
        format.size(answer.size), answer.is_cut ? ", of which the beginning is shown" : "")),
    make("details", null, make("summary", null, `${answer.fields.length} header fields`),
      make("pre", null, answer.fields.map(({ name, value }) => `${name}: ${value}`).join("\n"))),
    make("pre", null, answer.body === "" ? "(no body)" : pretty(answer.body)));
}

/** A route that opens into a form. */
export function requestForm(mount, route) {
  const pattern = joined(mount, route.pattern);
  const method = make("select", null, (route.method === "*"
    ? ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] : [route.method]).map((name) =>
    make("option", null, name)));
  const target = make("input", { type: "text", class: "mono", value: pattern, spellcheck: "false",
    autocomplete: "off", required: true });
  const body = make("textarea", { class: "mono", spellcheck: "false", rows: "3" });
  const bodyLabel = make("label", { class: "grow" }, "Body", body);
  const place = make("div", { "aria-live": "polite" });
  const button = make("button", { class: "main", type: "submit" }, "Send");
  const showBody = () => {
    bodyLabel.hidden = !WITH_BODY.includes(method.value);
  };
  const form = make("form", { class: "inside", onsubmit: (event) => {
    event.preventDefault();
    press(button, place, async () => showAnswer(place, await post("/try/http", {
      method: method.value, target: target.value,
      body: bodyLabel.hidden ? undefined : body.value,
    })));
  } }, make("div", { class: "fields" }, make("label", null, "Method", method),
    make("label", { class: "grow" }, "Path", target), button), bodyLabel, place);
  method.addEventListener("change", showBody);
  showBody();
  return make("details", null,
    make("summary", { class: "mono" }, `${route.method} ${pattern}`), form);
}

/** A method of RPC that opens into a form. */
export function callForm(method) {
  const argument = make("textarea", { class: "mono", spellcheck: "false", rows: "3" });
  const place = make("div", { "aria-live": "polite" });
  const button = make("button", { class: "main", type: "submit" }, "Call");
  const form = make("form", { class: "inside", onsubmit: (event) => {
    event.preventDefault();
    press(button, place, async () => {
      const answer = await post("/try/rpc", { method: method.full, argument: argument.value });
      fill(place, make("p", null, make("span", { class: `badge ${answer.error ? "bad" : "good"}` },
        answer.error ? "error" : "reply"), " ",
      make("span", { class: "quiet" }, format.duration(answer.ms / 1000))),
      make("pre", null, answer.error ? [answer.error, answer.data ? `\n${answer.data}` : ""]
        : pretty(answer.reply)));
    });
  } }, method.Doc ? make("p", null, method.Doc) : null,
  make("label", null, "Argument, as JSON", argument),
  make("div", { class: "fields" }, button), place);
  return make("details", null, make("summary", { class: "mono" },
    `${method.full}(${method.Args})${method.Reply ? ` ${method.Reply}` : ""}`), form);
}
