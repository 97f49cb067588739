// Which lines lie over the picture? A switch for each that this question has, with its colour and dash as the legend.
//
// The choice is kept in this browser. A reconstruction is asked for only while its line is on: for the question that is
// seen and for the one after it.

import { OVERLAYS } from "./draw.js";
import { element } from "./why.js";

const STORED = "rl-tsad-overlays";
const PATIENCE = 150; // milliseconds that a question lies there before its reconstruction is asked for
const SAYS = { score: "Score", yesterday: "Yesterday", "last week": "Last week", reconstruction: "Reconstruction" };
const FIRST = { score: true, yesterday: true, "last week": true, reconstruction: false };

export class Overlays {
  constructor(root, picture, api, { onChange, onSay }) {
    Object.assign(this, { picture, api, onChange, onSay });
    this.on = { ...FIRST, ...stored() };
    this.without = new Set(); // series of which the current model keeps no reconstruction
    this.switches = Object.keys(SAYS).map((name) => [name, this.#switch(name)]);
    root.append(...this.switches.map(([, made]) => made));
    this.#tell();
  }

  // Called with each question that comes on the screen: no more than comparing four words.
  open(question, next) {
    this.question = question;
    for (const [name, made] of this.switches) {
      const isAbsent = !this.#has(name);
      if (made.hidden !== isAbsent) made.hidden = isAbsent;
    }
    clearTimeout(this.timer);
    if (this.on.reconstruction) this.timer = setTimeout(() => this.#fetch(question).then(() => this.#fetch(next?.())), PATIENCE);
  }

  // Another model may keep what this one does not.
  forget() {
    this.without.clear();
  }

  close() {
    clearTimeout(this.timer);
  }

  toggleAll() {
    const isOn = this.switches.some(([name]) => this.on[name] && this.#has(name));
    if (isOn) this.before = { ...this.on };
    this.#choose(isOn ? Object.fromEntries(Object.keys(SAYS).map((name) => [name, false])) : { ...(this.before ?? FIRST) });
    this.onSay(isOn ? "Overlays are hidden." : "Overlays are shown.");
  }

  #toggle(name) {
    this.#choose({ ...this.on, [name]: !this.on[name] });
    this.onSay(`${SAYS[name]} is ${this.on[name] ? "shown" : "hidden"}.`);
  }

  #choose(on) {
    this.on = on;
    try {
      localStorage.setItem(STORED, JSON.stringify(on));
    } catch {
      /* it lasts as long as the page */
    }
    this.#tell();
    this.onChange();
    if (on.reconstruction && this.question) this.#fetch(this.question, true);
  }

  #tell() {
    this.picture.overlays = this.on;
    for (const [name, made] of this.switches) made.setAttribute("aria-pressed", this.on[name]);
  }

  #has(name) {
    const detail = this.question?.detail;
    if (!detail) return false;
    if (name === "score") return Boolean(detail.overlays?.score?.index.length);
    if (name === "reconstruction") return Boolean(detail.overlays?.reconstruction) || !this.without.has(this.question.series);
    return (detail.compare ?? []).some((one) => one.name === name);
  }

  async #fetch(question, isAsked = false) {
    const detail = question?.detail;
    if (!detail || detail.overlays?.reconstruction || detail.isRebuilding || this.without.has(question.series)) return;
    detail.isRebuilding = true;
    try {
      const reconstruction = await this.api.get(`/questions/${question.item}/reconstruction`);
      detail.overlays = { ...detail.overlays, reconstruction };
    } catch (error) {
      if (error.status === 404) this.without.add(question.series);
      if (isAsked) this.onSay(error.status === 404 ? `No reconstruction: ${error.message}` : "The reconstruction cannot be had now.");
    } finally {
      detail.isRebuilding = false;
    }
    if (question === this.question) this.#came();
  }

  #came() {
    const [, made] = this.switches.find(([name]) => name === "reconstruction");
    made.hidden = !this.#has("reconstruction");
    this.onChange();
  }

  #switch(name) {
    const made = element("button", "", { type: "button", class: "switch", "aria-pressed": "false" });
    made.title = `Show or hide: ${SAYS[name].toLowerCase()} (O: all)`;
    made.hidden = true;
    made.append(swatch(OVERLAYS[name]), element("span", SAYS[name]));
    made.addEventListener("click", () => this.#toggle(name));
    return made;
  }
}

function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(STORED)) ?? {};
    return Object.fromEntries(Object.keys(SAYS).filter((name) => name in found).map((name) => [name, found[name] === true]));
  } catch {
    return {};
  }
}

// The line as it is drawn, for the legend.
function swatch({ colour, width, dash = [] }) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  for (const [name, value] of Object.entries({ width: 22, height: 8, "aria-hidden": "true" })) made.setAttribute(name, value);
  const shape = { x1: 0, x2: 22, y1: 4, y2: 4, stroke: colour, "stroke-width": width + 0.6, "stroke-dasharray": dash.join(" ") || "none" };
  for (const [name, value] of Object.entries(shape)) line.setAttribute(name, value);
  made.append(line);
  return made;
}
