// When is a point, and which point is at a time? All places are point numbers; times are between the given ones.

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5,
  432e5, 864e5, 1728e5, 6048e5, 12096e5, 2592e6, 7776e6, 15552e6, 31536e6];
const two = (number) => String(number).padStart(2, "0");

export class Clock {
  constructor(times, zone, about) {
    const raw = times.length ? times : [[0, 0], [1, 1]];
    this.hasClock = typeof raw[0][1] === "string";
    this.known = new Map();
    this.learn(raw);
    this.offset = 0;
    this.title = "Sample number";
    if (this.hasClock) this.#setZone(zone, this.at(about));
  }

  // Further times: those of a part that is looked at more closely, or of what lies beyond.
  learn(times) {
    for (const [index, time] of times) this.known.set(index, this.hasClock ? parse(time) : time);
    this.index = [...this.known.keys()].sort((one, other) => one - other);
    this.time = this.index.map((index) => this.known.get(index));
  }

  at(place) {
    return between(this.index, this.time, place);
  }

  placeAt(time) {
    return between(this.time, this.index, time);
  }

  #setZone(zone, instant) {
    this.offset = zone ? offsetOf(zone, instant) : 0;
    if (zone === null || zone === undefined) this.title = "Time (no time zone in the source)";
    else if (this.offset === null) {
      this.offset = 0;
      this.title = `Time (UTC; the source's zone ${zone} is unknown here)`;
    } else {
      const minutes = Math.round(Math.abs(this.offset) / 6e4);
      const sign = this.offset ? `UTC${this.offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}` : "UTC";
      this.title = /^(UTC|Etc\/UTC|(UTC|GMT)?[+-].*)$/i.test(zone) ? `Time (${sign})` : `Time (${zone}, ${sign})`;
    }
  }

  // "Tue 3 Mar 2026, 14:05:00"; only the hour where the day is said already.
  say(place, besides = null) {
    if (!this.hasClock) return String(Math.round(this.at(place)));
    const date = new Date(this.at(place) + this.offset);
    const other = besides === null ? null : new Date(this.at(besides) + this.offset);
    const part = date.getUTCMilliseconds() ? `.${String(date.getUTCMilliseconds()).padStart(3, "0")}` : "";
    const hour = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}${part}`;
    const day = (one) => `${WEEKDAYS[one.getUTCDay()]} ${one.getUTCDate()} ${MONTHS[one.getUTCMonth()]} ${one.getUTCFullYear()}`;
    return other && day(other) === day(date) ? hour : `${day(date)}, ${hour}`;
  }

  // "3 Mar", and "14:05"; without a clock "sample", and its number.
  day(place) {
    return this.hasClock ? this.#tick(this.at(place) + this.offset, 864e5) : "sample";
  }

  hour(place) {
    if (!this.hasClock) return this.say(place);
    const date = new Date(this.at(place) + this.offset);
    return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  }

  stretch([low, high]) {
    if (!this.hasClock) return `samples ${this.say(low)} to ${this.say(high - 1)}`;
    return `${this.say(low)} to ${this.say(high - 1, low)}`;
  }

  // Times to write under the axis: about `most` between two times.
  ticks(low, high, most) {
    const rough = (high - low) / Math.max(1, most);
    const ladder = this.hasClock ? STEPS : null;
    const step = ladder ? (ladder.find((one) => one >= rough) ?? rough) : nice(rough);
    const found = [];
    for (let time = Math.ceil((low + this.offset) / step) * step; time <= high + this.offset && found.length < 50; time += step) {
      found.push({ time: time - this.offset, text: this.hasClock ? this.#tick(time, step) : String(Math.round(time)) });
    }
    return found;
  }

  #tick(shifted, step) {
    const date = new Date(shifted);
    const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
    if (step >= 31536e6) return String(date.getUTCFullYear());
    if (step >= 864e5 || (shifted % 864e5 === 0 && step >= 36e5)) return day;
    const hour = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
    return step >= 6e4 ? hour : `${hour}:${two(date.getUTCSeconds())}${step < 1e3 ? `.${String(date.getUTCMilliseconds()).padStart(3, "0")}` : ""}`;
  }
}

const parse = (text) => Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);

const FORMATS = new Map(); // making one takes longer than all else that a clock does

function formatOf(zone) {
  const fields = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" };
  if (!FORMATS.has(zone)) FORMATS.set(zone, new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...fields }));
  return FORMATS.get(zone);
}

function offsetOf(zone, instant) {
  try {
    const parts = formatOf(zone.replace(/^(UTC|GMT)(?=[+-])/i, "")).formatToParts(instant);
    const get = (type) => Number(parts.find((one) => one.type === type).value);
    const there = Date.UTC(get("year"), get("month") - 1, get("day"), get("hour"), get("minute"), get("second"));
    return there - Math.floor(instant / 1000) * 1000;
  } catch {
    return null;
  }
}

function between(from, to, value) {
  let low = 0;
  let high = from.length - 1;
  if (high < 1) return to[0] + (value - from[0]);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (from[middle] <= value) low = middle;
    else high = middle;
  }
  const span = from[high] - from[low] || 1;
  return to[low] + ((value - from[low]) / span) * (to[high] - to[low]);
}

export function nice(rough) {
  const ten = 10 ** Math.floor(Math.log10(rough || 1));
  return ten * ([1, 2, 5, 10].find((one) => one * ten >= rough) ?? 10);
}
