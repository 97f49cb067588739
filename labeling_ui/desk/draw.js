// How does a question look? All channels on one time axis, on a canvas; bands and handles lie on a layer of their own.

import { nice } from "./clock.js";

export const LEFT = 118;
export const RIGHT = 50;
const TOP = 20;
const BOTTOM = 38;
const ROW = 38;
const STRIP = 34;
const COLOURS = {
  context: "#7a8797", asked: "#2b7bc0", band: "rgba(230, 159, 0, 0.30)", edge: "#b97c00", window: "rgba(122, 135, 151, 0.14)",
};
export const OVERLAYS = {
  score: { colour: "#c75b12", width: 1.6 },
  yesterday: { colour: "#8a7bb5", width: 1, dash: [6, 3] },
  "last week": { colour: "#b0578f", width: 1, dash: [2, 3] },
  reconstruction: { colour: "#12906a", width: 1, dash: [9, 2, 2, 2] },
};

export class Picture {
  constructor(back, front, scroller, axis) {
    this.back = back;
    this.front = front;
    this.axis = axis; // stays in sight where the picture is higher than its place and scrolls
    this.scroller = scroller;
    this.overlays = {}; // name: whether it is drawn
  }

  // Lay the rows out: targets first, exogenous channels below, a strip for the score where there is one.
  layout(question, height) {
    const { detail } = question;
    this.given = height;
    this.seen ||= this.scroller.clientWidth; // read once a size: reading it lays the whole page out
    this.width = Math.max(240, this.seen);
    this.left = this.width < 560 ? 74 : LEFT;
    this.right = this.width < 560 ? 36 : RIGHT;
    const strip = this.overlays.score && detail.overlays?.score?.index.length ? STRIP : 0;
    const places = detail.channels.map((channel, place) => [Boolean(channel.exogenous), place]);
    this.order = places.sort((one, other) => one[0] - other[0] || one[1] - other[1]).map(([, place]) => place);
    const room = height - TOP - BOTTOM - strip;
    this.row = Math.max(ROW, room / this.order.length);
    this.strip = strip;
    this.bottom = Math.round(TOP + strip + this.row * this.order.length);
    this.scrolls = this.bottom + BOTTOM > height + 1;
    this.height = this.bottom + (this.scrolls ? 0 : BOTTOM);
    for (const canvas of [this.back, this.front]) fit(canvas, this.width, this.height);
    fit(this.axis, this.width, this.scrolls ? BOTTOM : 0);
    this.scroller.classList.toggle("scrolls", this.scrolls);
    if (this.scrolls) this.scroller.tabIndex = 0;
    else this.scroller.removeAttribute("tabindex");
  }

  x(place) {
    const [low, high] = this.range;
    return this.left + ((this.clock.at(place) - low) / (high - low || 1)) * (this.width - this.left - this.right);
  }

  place(x) {
    const [low, high] = this.range;
    return this.clock.placeAt(low + ((x - this.left) / (this.width - this.left - this.right)) * (high - low));
  }

  draw(question, view, clock, points) {
    const { detail } = question;
    this.clock = clock;
    this.range = [clock.at(view[0] - 0.5), clock.at(view[1] - 0.5)];
    const pen = this.back.getContext("2d");
    const style = getComputedStyle(this.scroller);
    this.ink = style.color;
    this.font = style.fontFamily;
    pen.clearRect(0, 0, this.width, this.height);
    this.#axis(pen);
    this.#band(pen, [question.start, question.start + question.length], COLOURS.window, null, "window");
    this.order.forEach((channel, row) => this.#channel(pen, { question, detail, points, channel, row, view }));
    if (this.strip) this.#score(pen, detail.overlays.score);
  }

  #axis(pen) {
    const [low, high] = this.range;
    const [words, below] = this.scrolls ? [this.axis.getContext("2d"), 0] : [pen, this.bottom];
    if (this.scrolls) words.clearRect(0, 0, this.width, BOTTOM);
    Object.assign(words, { font: `11px ${this.font}`, textBaseline: "top", textAlign: "center" });
    pen.lineWidth = 1;
    for (const { time, text } of this.clock.ticks(low, high, (this.width - this.left - this.right) / 95)) {
      const x = Math.round(this.left + ((time - low) / (high - low)) * (this.width - this.left - this.right)) + 0.5;
      stroke(pen, this.ink, 0.12, () => line(pen, x, TOP, x, this.bottom));
      write(words, text, x, below + 5, this.ink, 0.85);
    }
    write(words, this.clock.title, (this.left + this.width - this.right) / 2, below + 21, this.ink, 0.85);
    if (!this.scrolls) return;
    words.textAlign = "right";
    write(words, `${this.order.length} channels \u2195`, this.left - 8, 5, this.ink, 0.85);
  }

  #channel(pen, { question, detail, points, channel, row, view }) {
    const { unit, exogenous } = detail.channels[channel];
    const name = withoutUnit(detail.channels[channel]);
    const top = TOP + row * this.row;
    const [low, high] = extremes(points.index[channel], points.values[channel], view);
    const room = this.row - 8;
    const y = (value) => top + 4 + room - ((value - low) / (high - low)) * room;
    this.#name(pen, top + this.row / 2, name, [unit, exogenous ? "exogenous" : ""].filter(Boolean).join(", "), !exogenous);
    this.#levels(pen, low, high, y);
    pen.save();
    pen.beginPath();
    pen.rect(this.left, top, this.width - this.left - this.right, this.row);
    pen.clip();
    this.#overlays(pen, detail, channel, y);
    this.#line(pen, points.index[channel], points.values[channel], y, { colour: COLOURS.context, width: 1 });
    if (!exogenous) {
      pen.beginPath();
      const [from, to] = question.asks_event ? question.event : question.span;
      pen.rect(this.x(from - 0.5), top, this.x(to - 0.5) - this.x(from - 0.5), this.row);
      pen.clip();
      const [index, values] = within(points.index[channel], points.values[channel], from, to);
      this.#line(pen, index, values, y, { colour: COLOURS.asked, width: 2.4 });
    }
    pen.restore();
  }

  #overlays(pen, detail, channel, y) {
    const { reconstruction } = detail.overlays ?? {};
    const lines = [...(detail.compare ?? []), ...(reconstruction ? [{ ...reconstruction, name: "reconstruction" }] : [])];
    for (const { name, index, values } of lines) {
      if (this.overlays[name] && values[channel]) this.#line(pen, index[channel], values[channel], y, OVERLAYS[name]);
    }
  }

  // Without a graphics card a stroke wider than a pixel, and a round join at each point, cost ten times a thin one.
  #line(pen, index, values, y, { colour, width, dash = [] }) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.setLineDash(dash);
    pen.lineJoin = "bevel";
    pen.beginPath();
    let isOn = false;
    for (let place = 0; place < index.length; place += 1) {
      const value = values[place];
      if (value === null || value === undefined) isOn = false;
      else if (isOn) pen.lineTo(this.x(index[place]), y(value));
      else {
        const x = this.x(index[place]);
        pen.moveTo(x, y(value));
        if (place + 1 >= index.length || values[place + 1] === null) pen.lineTo(x + 1, y(value)); // a point alone
        isOn = true;
      }
    }
    pen.stroke();
    pen.setLineDash([]);
  }

  #score(pen, score) {
    const top = this.bottom - this.strip + 4;
    const room = this.strip - 8;
    const y = (value) => top + room - Math.min(1, Math.max(0, value)) * room;
    this.#name(pen, top + room / 2, "score", "0 to 1", false);
    stroke(pen, this.ink, 0.2, () => line(pen, this.left, y(0), this.width - this.right, y(0)));
    pen.save();
    pen.beginPath();
    pen.rect(this.left, top - 4, this.width - this.left - this.right, this.strip);
    pen.clip();
    this.#line(pen, score.index, score.values, y, OVERLAYS.score);
    pen.restore();
  }

  #name(pen, middle, name, below, isBold) {
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.font = `${isBold ? 600 : 400} 12px ${this.font}`;
    write(pen, cut(pen, name, this.left - 12), this.left - 8, middle - (below ? 7 : 0), this.ink, 1);
    pen.font = `11px ${this.font}`;
    if (below) write(pen, cut(pen, below, this.left - 12), this.left - 8, middle + 7, this.ink, 0.8);
  }

  #levels(pen, low, high, y) {
    const step = nice((high - low) / Math.max(1, Math.floor(this.row / 32)));
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.font = `10px ${this.font}`;
    for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
      stroke(pen, this.ink, 0.08, () => line(pen, this.left, Math.round(y(value)) + 0.5, this.width - this.right, Math.round(y(value)) + 0.5));
      write(pen, String(Number(value.toPrecision(6))), this.width - this.right + 5, y(value), this.ink, 0.8);
    }
  }

  #band(pen, [low, high], fill, edge, name) {
    const [from, to] = [Math.max(this.left, this.x(low - 0.5)), Math.min(this.width - this.right, this.x(high - 0.5))];
    if (to <= from) return;
    pen.fillStyle = fill;
    pen.fillRect(from, TOP, Math.max(1, to - from), this.bottom - TOP);
    if (edge) stroke(pen, edge, 1, () => pen.strokeRect(from, TOP, Math.max(1, to - from), this.bottom - TOP));
    pen.font = `12px ${this.font}`;
    if (!name || pen.measureText(name).width > to - from + 40) return;
    pen.textAlign = edge ? "left" : "right"; // what is marked lies within the window: its name stands before it
    pen.textBaseline = "bottom";
    write(pen, name, from + (edge ? 2 : -2), TOP - 3, this.ink, 0.9);
  }

  // The layer that moves with the hand: what is proposed, asked and marked.
  drawMarks(question, marks, { chosen = -1, cursor = null } = {}) {
    const pen = this.front.getContext("2d");
    pen.clearRect(0, 0, this.width, this.height);
    pen.save();
    if (question.asks_event) {
      pen.setLineDash([4, 3]);
      this.#band(pen, question.event, "transparent", COLOURS.context, "");
      pen.setLineDash([]);
      marks.forEach((mark, number) => this.#mark(pen, mark, number === chosen, marks.length > 1 ? `marked ${number + 1}` : "marked"));
    } else this.#mark(pen, question.span, false, "asked");
    if (cursor !== null) stroke(pen, this.ink, 0.5, () => line(pen, this.x(cursor), TOP, this.x(cursor), this.bottom));
    pen.restore();
  }

  #mark(pen, mark, isChosen, name) {
    pen.lineWidth = isChosen ? 3 : 1.6;
    this.#band(pen, mark, COLOURS.band, COLOURS.edge, name);
  }
}

const BETWEEN = 0.06;

// The points of a stretch, and one more on both sides.
function within(index, values, from, to) {
  const first = index.findIndex((place) => place >= from);
  const end = index.findIndex((place) => place >= to);
  const [low, high] = [first < 0 ? index.length : Math.max(0, first - 1), end < 0 ? index.length : end + 1];
  return [index.slice(low, high), values.slice(low, high)];
}

export function withoutUnit({ name, unit }) {
  const end = unit ? name.trimEnd().slice(-unit.length - 2) : "";
  return end === `[${unit}]` || end === `(${unit})` ? name.trimEnd().slice(0, -end.length).trimEnd() || name : name;
}

function extremes(index, values, [from, to]) {
  let low = Infinity;
  let high = -Infinity;
  for (let place = 0; place < index.length; place += 1) {
    const value = values[place];
    if (value === null || index[place] < from || index[place] >= to) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  const slack = (high - low) * BETWEEN || Math.abs(high) * BETWEEN || 1;
  return [low - slack, high + slack];
}

export function fit(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
}

function stroke(pen, colour, alpha, what) {
  pen.strokeStyle = colour;
  pen.globalAlpha = alpha;
  what();
  pen.globalAlpha = 1;
}

function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

function write(pen, text, x, y, colour, alpha) {
  pen.fillStyle = colour;
  pen.globalAlpha = alpha;
  pen.fillText(text, x, y);
  pen.globalAlpha = 1;
}

function cut(pen, text, width) {
  let short = text.replace(/\s+/g, " ");
  if (pen.measureText(short).width <= width) return short;
  while (short.length > 1 && pen.measureText(`${short}\u2026`).width > width) short = short.slice(0, -1);
  return `${short}\u2026`;
}
