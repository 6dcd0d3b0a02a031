// The last slow and failed requests.
import { make } from "./dom.js";

export function tracesView() {
  return { title: "Traces", elements: [make("p", { class: "quiet" },
    "This host keeps no traces to show.")] };
}
