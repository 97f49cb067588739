// Why is this asked, what does the agent think, what did neighbours get, what would an answer settle? In words.

const SURE = { 0.1: "cannot decide", 0.6: "leans to" };
const PATIENCE = 450; // milliseconds that a question lies there before the server is asked what answers would settle

export function opinion(probability) {
  if (probability === null || probability === undefined) return "No agent has judged this window yet";
  const margin = Math.abs(2 * probability - 1);
  const side = probability >= 0.5 ? "anomaly" : "normal";
  if (margin < 0.1) return `The agent ${SURE[0.1]}`;
  return `The agent ${margin < 0.6 ? SURE[0.6] : "thinks"}: ${side}`;
}

export class Why {
  constructor(root, api) {
    this.root = root;
    this.api = api;
  }

  show(question, kinds) {
    const { detail } = question;
    const said = detail.why ?? {};
    const words = (said.words?.length ? said.words : [question.reason]).filter(Boolean);
    const kind = kinds[question.strategy] ?? question.strategy;
    this.settles = element("div");
    this.root.replaceChildren(
      title("Why this one?"),
      ...(words.length ? [`${kind}: ${words[0]}`, ...words.slice(1)] : [kind]).map((text) => element("p", text)),
      ...this.#channels(said.channels ?? []),
      title("What the agent thinks"),
      element("p", opinion(question.probability)),
      meter(question.probability),
      ...this.#neighbours(said.neighbours ?? []),
      this.settles,
    );
  }

  ask(question, extents) {
    clearTimeout(this.timer);
    const turn = (this.turn = {});
    this.timer = setTimeout(() => this.#preview(question, extents, turn), PATIENCE);
  }

  stop() {
    clearTimeout(this.timer);
    this.turn = null;
  }

  async #preview(question, extents, turn) {
    try {
      const ask = (answer) =>
        this.api.post("/preview", { item: question.item, answer, extents: answer === "anomaly" && extents.length ? extents : [] });
      const would = [["Anomaly", await ask("anomaly")], ["Normal", await ask("normal")]];
      if (turn !== this.turn) return;
      const known = would.filter(([, one]) => one && one.alike);
      const lines = known.map(([name, one]) => element("p", `${name}: ${settled(one)}`));
      this.settles.replaceChildren(...(lines.length ? [title("What it would settle"), ...lines] : []));
    } catch {
      if (turn === this.turn) this.settles.replaceChildren(); // the answer itself says what is wrong
    }
  }

  #channels(channels) {
    if (!channels.length) return [];
    const named = channels.slice(0, 3).map(({ name, deviation }) => (deviation === undefined || deviation === null ? name : `${name} (${Number(deviation).toPrecision(2)}\u00d7)`));
    return [element("p", `Deviates most: ${named.join(", ")}`)];
  }

  #neighbours(neighbours) {
    if (!neighbours.length) return [];
    const counts = new Map();
    for (const { answer } of neighbours) counts.set(answer, (counts.get(answer) ?? 0) + 1);
    const said = [...counts].map(([answer, number]) => `${number} ${answer}`).join(", ");
    return [title("What neighbours were answered"), element("p", said)];
  }
}

const settled = ({ anomalies, normals }) =>
  [[anomalies, "Anomaly"], [normals, "Normal"]].filter(([number]) => number).map(([number, name]) => `${number.toLocaleString("en")} as ${name}`).join(", ") || "nothing";

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
