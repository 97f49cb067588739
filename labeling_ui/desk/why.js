// Why is this asked, what does the agent think, what did neighbours get? In words, each thing once.

import { withoutUnit } from "./draw.js";

const SURE = { 0.1: "cannot decide", 0.6: "leans to" };

export function opinion(probability) {
  if (probability === null || probability === undefined) return "No agent has judged this window yet";
  const margin = Math.abs(2 * probability - 1);
  const side = probability >= 0.5 ? "anomaly" : "normal";
  if (margin < 0.1) return `The agent ${SURE[0.1]}`;
  return `The agent ${margin < 0.6 ? SURE[0.6] : "thinks"}: ${side}`;
}

export class Why {
  constructor(root) {
    this.root = root;
  }

  // What the reason leaves open is said from numbers: the server's own words tell the same in sentences, for scripts.
  show(question, kinds) {
    const { channels, neighbours } = question.detail.why ?? {};
    const kind = kinds[question.strategy] ?? question.strategy;
    this.root.replaceChildren(
      title("Why this one?"),
      element("p", question.reason ? `${kind}: ${question.reason}` : kind),
      ...farthest(channels ?? [], question.detail.channels),
      title("What the agent thinks"),
      element("p", opinion(question.probability)),
      meter(question.probability),
      ...answered(neighbours ?? []),
    );
  }
}

function farthest(deviations, channels) {
  if (!deviations.length) return [];
  const named = (name) => withoutUnit(channels.find((one) => one.name === name) ?? { name });
  const said = deviations.map(({ name, deviation }, place) => `${named(name)} (${deviation.toFixed(1)}${place ? "" : " times its usual spread"})`);
  return [element("p", `Deviates most: ${said.join(", ")}`)];
}

function answered(neighbours) {
  if (!neighbours.length) return [];
  const counts = new Map();
  for (const { answer } of neighbours) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [title("What neighbours were answered"), element("p", [...counts].map(([answer, number]) => `${number} ${answer}`).join(", "))];
}

export function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const title = (text) => element("h4", text);

function meter(probability) {
  const share = Math.min(1, Math.max(0, probability ?? 0));
  const made = element("div", "", { class: "meter", role: "meter", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": "Probability of an anomaly" });
  made.setAttribute("aria-valuenow", Math.round(100 * share));
  const bar = element("div");
  bar.style.width = `${100 * share}%`;
  made.append(bar);
  const whole = element("div", "", { class: "opinion" });
  whole.append(made, element("span", `Anomaly ${Math.round(100 * share)} %`));
  return whole;
}
