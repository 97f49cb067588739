// Which look-alikes would an answer settle? A strip of small pictures, to look over and to except some from the answer.
//
// It comes after the question has lain there for a moment, and no answer waits for it: one that is given before carries
// no exceptions. What was excepted goes with the answer that would settle it.

import { Clock } from "./clock.js";
import { sketch } from "./sketch.js";
import { element } from "./why.js";

const PATIENCE = 450; // milliseconds that a question lies there before the server is asked what answers would settle
const MOST = 12; // pictures for each answer
const WIDTH = 120; // points of a picture
const KEPT = 200; // pictures that are kept for the questions that follow
const MOST_EXCEPTED = 100;
const NAMES = { anomaly: "Anomaly", normal: "Normal" };

export class Alike {
  constructor(root, api, { isOn, onSay, onLeave }) {
    Object.assign(this, { root, api, isOn, onSay, onLeave });
    this.shots = new Map(); // pictures by key, those used last at the end
    this.would = {};
    this.out = new Set();
    root.hidden = !isOn;
    this.#build();
  }

  // Called with each question that comes on the screen.
  open(question, extents, past) {
    this.question = question;
    this.past = past;
    this.would = {};
    this.out = new Set(past?.exceptions);
    this.side = past?.answer in NAMES ? past.answer : question.probability >= 0.5 ? "anomaly" : "normal";
    if (this.isFull) this.#clear();
    this.ask(extents);
  }

  ask(extents) {
    clearTimeout(this.timer);
    const turn = (this.turn = {});
    if (this.isOn) this.timer = setTimeout(() => this.#preview(extents, turn), PATIENCE);
  }

  stop() {
    clearTimeout(this.timer);
    this.turn = null;
  }

  // The windows that this answer would settle and shall not.
  exceptions(answer) {
    if (!this.out.size || !(answer in NAMES)) return undefined;
    const kept = this.past?.answer === answer ? (this.past.exceptions ?? []) : [];
    const settled = new Set([...kept, ...(this.would[answer] ?? []).map((one) => one.key)]);
    const found = [...this.out].filter((key) => settled.has(key)).slice(0, MOST_EXCEPTED);
    return found.length ? found : undefined;
  }

  enter() {
    const tile = this.#tiles().find((one) => one.tabIndex === 0);
    if (tile) tile.focus();
    else this.onSay(this.isOn ? "No look-alikes are shown here now." : "Look-alikes are not shown in this workspace.");
  }

  #build() {
    const head = element("div", "", { class: "alike-head" });
    this.sides = element("div", "", { class: "sides", role: "group", "aria-label": "Look-alikes of which answer" });
    for (const [side, name] of Object.entries(NAMES)) {
      const made = element("button", `If ${name}`, { type: "button", "data-side": side, "aria-pressed": "false" });
      made.addEventListener("click", () => this.#turnTo(side));
      this.sides.append(made);
    }
    this.line = element("p", "", { class: "alike-line" });
    head.append(element("h4", "What it would settle"), this.sides, this.line);
    this.strip = element("div", "", { class: "strip", role: "toolbar", "aria-label": "Look-alikes; press to except", "data-arrows": "" });
    this.strip.addEventListener("keydown", (event) => this.#key(event));
    this.root.append(head, this.strip);
    this.root.dataset.state = "waiting";
  }

  #clear() {
    const hadFocus = this.root.contains(this.root.getRootNode().activeElement);
    this.isFull = false;
    this.root.dataset.state = "waiting";
    this.strip.replaceChildren();
    if (hadFocus) this.onLeave();
  }

  async #preview(extents, turn) {
    const { item } = this.question;
    const sides = this.side === "anomaly" ? ["anomaly", "normal"] : ["normal", "anomaly"];
    const would = {};
    try {
      for (const answer of sides) {
        const marked = answer === "anomaly" && extents.length ? extents : [];
        would[answer] = (await this.api.post("/preview", { item, answer, extents: marked })).alike;
        if (turn !== this.turn) return;
      }
    } catch {
      if (turn === this.turn && this.isFull) this.#clear(); // the answer itself says what is wrong
      return;
    }
    this.would = would;
    this.#draw();
    await this.#fetch(turn);
  }

  async #fetch(turn) {
    const wanted = Object.keys(NAMES).flatMap((side) => this.#shown(side).map((one) => one.key));
    const keys = [...new Set(wanted)].filter((key) => !this.shots.has(key));
    try {
      const { windows } = keys.length ? await this.api.post("/windows", { keys, width: WIDTH }) : { windows: [] };
      for (const shot of windows) this.shots.set(shot.key, shot);
      for (const key of [...this.shots.keys()].slice(0, Math.max(0, this.shots.size - KEPT))) this.shots.delete(key);
    } catch {
      return; // the line above says how many; what it would look like is not known
    }
    if (turn === this.turn) this.#draw();
  }

  // The surest ones, with what was excepted from the answer that stands.
  #shown(side) {
    const settled = (this.would[side] ?? []).slice(0, MOST);
    const before = this.past?.answer === side ? (this.past.exceptions ?? []).filter((key) => !settled.some((one) => one.key === key)) : [];
    return [...settled, ...before.map((key) => ({ key, answer: side }))].slice(0, MOST);
  }

  #turnTo(side) {
    const hadFocus = this.strip.contains(this.root.getRootNode().activeElement);
    this.side = side;
    this.#draw();
    if (hadFocus) (this.#tiles()[0] ?? this.sides.querySelector(`[data-side=${side}]`)).focus();
  }

  #draw() {
    const focused = this.root.getRootNode().activeElement?.dataset.key;
    this.isFull = true;
    this.root.dataset.state = "full";
    for (const made of this.sides.children) {
      made.setAttribute("aria-pressed", made.dataset.side === this.side);
      made.textContent = `If ${NAMES[made.dataset.side]}: ${(this.would[made.dataset.side] ?? []).length.toLocaleString("en")}`;
    }
    const there = this.#shown(this.side).filter((one) => this.shots.has(one.key));
    this.strip.replaceChildren(...there.map((one, place) => this.#tile(one, place)));
    const within = rangesOf(there.map((one) => this.shots.get(one.key)));
    there.forEach((one, place) => {
      const shot = this.shots.get(one.key);
      sketch(this.strip.children[place].firstChild, shot, { answer: one.answer, within: within.get(shot.series), first: this.#deviating() });
    });
    this.#say();
    if (focused) this.#tiles().find((one) => one.dataset.key === focused)?.focus({ preventScroll: true });
  }

  // Places of the channels that deviate most in the question: where there is no room for all, they are drawn.
  #deviating() {
    const { channels, why } = this.question.detail;
    return (why?.channels ?? []).map(({ name }) => channels.findIndex((one) => one.name === name));
  }

  #say() {
    const all = this.would[this.side] ?? [];
    const others = all.filter((one) => one.answer !== this.side).length;
    const out = this.exceptions(this.side)?.length ?? 0;
    const many = `${all.length ? all.length.toLocaleString("en") : "no"}${this.past ? " further" : ""} look-alike${all.length === 1 ? "" : "s"}`;
    const other = this.side === "anomaly" ? "Normal" : "Anomaly";
    const mixed = others ? ` (${others === all.length ? "" : `${others.toLocaleString("en")} `}as ${other})` : "";
    const shown = this.strip.children.length;
    const some = shown && all.length > shown ? `; the surest ${shown} are shown` : "";
    this.line.textContent = `${NAMES[this.side]} would settle ${many}${mixed}${out ? `, ${out} excepted` : ""}${some}`;
  }

  #tile({ key, answer }, place) {
    const shot = this.shots.get(key);
    const clock = new Clock([[0, shot.at], [1, shot.at]], this.question.detail.timezone, 0);
    const name = `${shot.series}, ${clock.say(0)}, as ${NAMES[answer]}`;
    const tile = element("button", "", { type: "button", class: "tile", "aria-label": name, title: `${name}. Press to except it.` });
    Object.assign(tile.dataset, { key, answer });
    tile.tabIndex = place ? -1 : 0;
    tile.setAttribute("aria-pressed", this.out.has(key));
    const isElsewhere = shot.series !== this.question.series;
    const below = isElsewhere ? [shot.series, `${clock.day(0)} ${clock.hour(0)}`] : [clock.day(0), clock.hour(0)];
    tile.append(element("canvas", "", { "aria-hidden": "true" }), ...below.map((text) => element("span", text)));
    if (answer !== this.side) tile.append(element("b", NAMES[answer]));
    tile.addEventListener("click", () => this.#except(tile));
    return tile;
  }

  #except(tile) {
    const { key } = tile.dataset;
    if (!this.out.delete(key)) this.out.add(key);
    tile.setAttribute("aria-pressed", this.out.has(key));
    this.#rove(tile);
    this.#say();
    this.onSay(`${this.out.has(key) ? "Excepted" : "No longer excepted"}: ${tile.getAttribute("aria-label")}.`);
  }

  #tiles() {
    return [...this.strip.children];
  }

  #rove(tile) {
    for (const one of this.#tiles()) one.tabIndex = one === tile ? 0 : -1;
  }

  #key(event) {
    const tiles = this.#tiles();
    const place = tiles.indexOf(event.target);
    const moves = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: tiles.length - 1 };
    if (event.key in moves) {
      const next = tiles[Math.min(tiles.length - 1, Math.max(0, moves[event.key]))];
      this.#rove(next);
      next.focus();
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") this.#turnTo(event.key === "ArrowUp" ? "anomaly" : "normal");
    else if (event.key === "Escape") this.onLeave();
    else return;
    event.preventDefault();
  }
}

// Windows of a series are drawn in the same range, so that they can be compared.
function rangesOf(shots) {
  const found = new Map();
  for (const { series, values } of shots) {
    const known = found.get(series) ?? values.map(() => [Infinity, -Infinity]);
    values.forEach((channel, place) => {
      for (const value of channel) {
        if (value === null) continue;
        known[place][0] = Math.min(known[place][0], value);
        known[place][1] = Math.max(known[place][1], value);
      }
    });
    found.set(series, known);
  }
  return found;
}
