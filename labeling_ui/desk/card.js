// The labeling card: one question on the desk, the next ones ready, answers kept before they are sent.
//
// A key counts for the question that is on the screen. A key that comes before the next question is painted waits for
// it, in order, and is taken once that question has been on the screen for WAITED; Escape and Z let waiting keys go.

import { makeApi } from "./api.js";
import { Clock } from "./clock.js";
import { Picture } from "./draw.js";
import { History } from "./history.js";
import { listen } from "./keys.js";
import { AnswerLog } from "./log.js";
import { Marks } from "./marks.js";
import { Queue } from "./queue.js";
import { makeView } from "./view.js";
import { element, Why } from "./why.js";
import { absence, ANSWERS, describe, reading, stateLine } from "./wording.js";

const WAITED = 90;
const CLICK_AFTER = 250; // the second press of a double click is no answer to the next question
const MOST_WAITING = 500;
const REPORT_EVERY = 10;
const HEIGHT = 400;
const DRAWN = 24_000; // points of all channels together that are fetched for a closer look
const mounted = new WeakMap();

// Streamlit calls this on each run of the page; what is there stays there.
export function mount({ data, parentElement, setTriggerValue }) {
  const there = mounted.get(parentElement);
  if (there) {
    there.update(data, setTriggerValue);
    return there.unmount;
  }
  const card = new Card(data, parentElement, setTriggerValue);
  mounted.set(parentElement, card);
  card.unmount = () => {
    mounted.delete(parentElement);
    card.close();
  };
  card.open();
  return card.unmount;
}

class Card {
  constructor(data, parent, report) {
    this.data = data;
    this.report = report;
    this.waiting = [];
    this.reported = 0;
    this.api = makeApi(data.api, data.token, data.analyst);
    const root = element("section", "", { class: "card", "aria-label": "Labeling card" });
    this.parts = [element("link", "", { rel: "stylesheet", href: data.sheet }), root];
    parent.append(...this.parts);
    this.view = makeView(root, (name, how) => this.act(name, how), data.faults ?? []);
    this.picture = new Picture(this.view.back, this.view.front, this.view.scroller, this.view.axis);
    this.marks = new Marks(this.picture, this.view.layer, { onChange: () => this.#marked() });
    this.marks.onHover = (place) => this.#read(place);
    this.why = new Why(this.view.why, this.api);
    this.log = new AnswerLog(data.scope, this.api, { onChange: () => this.#state(), onResults: (all) => this.#results(all) });
  }

  async open() {
    await Promise.all([this.log.open(), sheetOf(this.view.root)]);
    if (this.isClosed) return; // taken off the page meanwhile: it must not hear any key
    this.history = new History(`${this.log.prefix}history|${this.log.client}`); // its numbers are those of this name
    const onChange = (said) => (said && this.#say(said), this.#show());
    this.queue = new Queue(this.api, this.log, { onChange, onProblem: (error) => (this.problem = error) });
    this.deaf = listen((name, how) => this.act(name, how));
    if (document.activeElement?.tagName === "INPUT") document.activeElement.blur(); // a name was typed: keys answer now
    this.onEscape = (event) => event.key === "Escape" && this.#letGo();
    window.addEventListener("keydown", this.onEscape);
    this.sizes = new ResizeObserver(() => this.#resized());
    this.sizes.observe(this.view.root);
    window.addEventListener("resize", this.onResize = () => this.#resized());
    this.view.comment.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") this.view.question.focus();
      event.stopPropagation();
    });
    this.themes = new MutationObserver(() => this.#draw());
    this.themes.observe(document.head, { childList: true });
    this.queue.fill(true);
    this.#show();
  }

  close() {
    this.isClosed = true;
    for (const part of this.parts) part.remove();
    this.deaf?.();
    window.removeEventListener("keydown", this.onEscape);
    window.removeEventListener("resize", this.onResize);
    this.sizes?.disconnect();
    this.themes?.disconnect();
    this.why.stop();
    this.queue?.close();
    this.log.close();
  }

  update(data, report) {
    const isOther = data.round !== this.data.round;
    Object.assign(this, { data, report });
    this.api.token = data.token;
    if (this.log.state === "refused") this.log.send();
    if (this.queue && (isOther || !this.queue.held.length)) this.queue.fill(true);
    requestAnimationFrame(() => this.#draw());
  }

  act(name, how = {}) {
    if (name in ANSWERS || name === "skip") this.#answer(name, how);
    else if (name === "undo") this.#undo();
    else if (name === "previous") this.history?.back() ? this.#show() : this.#say("There is no earlier answer in this tab.");
    else if (name === "next") this.history?.forward() && this.#show();
    else if (name === "fault") this.view.fault.selectedIndex = Math.min(Number(how.key), this.view.fault.length - 1);
    else if (name === "comment") this.view.comment.focus();
    else if (name === "help") this.view.keys.hidden = !this.view.keys.hidden;
    else if (name === "overlays") {
      this.picture.overlays = !this.picture.overlays;
      this.#say(this.picture.overlays ? "Overlays are shown." : "Overlays are hidden.");
      this.#draw(true);
    } else this.#look(name);
  }

  #answer(name, { isClick, stamp }) {
    const question = this.shown;
    const age = performance.now() - this.paintedAt;
    if (!question || !this.isPainted || this.waiting.length || (isClick && age < CLICK_AFTER)) {
      if (isClick || !this.queue || (!this.shown && this.queue.state === "empty")) return;
      if (this.waiting.length < MOST_WAITING) this.waiting.push(name);
      else this.#say("Too many keys are waiting; this one was let go.");
      this.#state();
      return;
    }
    this.#take(name, question, stamp);
  }

  #take(name, question, stamp) {
    const old = this.history.current();
    const extents = name === "anomaly" && question.asks_event ? this.marks.extents() : undefined;
    const seconds = Math.round((performance.now() - this.paintedAt) / 10) / 100;
    const fault = (name === "anomaly" && this.view.fault.value) || undefined;
    const comment = this.view.comment.value.trim() || undefined;
    if (old?.sequence && old.answer !== "skip") this.log.append({ kind: "undo", undoes: old.sequence });
    const entry = name === "skip" ? { kind: "skip", item: question.item } : { kind: "answer", item: question.item, answer: name, extents, fault, comment, seconds };
    const sequence = this.log.append(entry);
    const kept = { question, answer: name, extents, fault, comment, sequence };
    if (old) {
      this.history.change(old, kept);
      this.history.leave();
    } else {
      this.history.add(kept);
      this.queue.advance();
    }
    this.why.stop();
    this.#say(name === "skip" ? "Skipped; it is free for others." : `${ANSWERS[name]}${old ? " in place of the answer before" : ""}.`);
    this.#show(stamp);
  }

  #undo() {
    if (this.waiting.length) return this.#letGo();
    const last = this.history?.current() ?? this.history?.last();
    if (!last) {
      this.log.append({ kind: "undo" });
      this.undoing = true;
      return this.#say("Taking back your last answer, which was not given in this tab.");
    }
    if (last.answer !== "skip") this.log.append({ kind: "undo", undoes: last.sequence });
    this.history.take(last);
    this.queue.bring(last.question);
    this.#say(`${ANSWERS[last.answer] ?? "Skip"} taken back. Here is that question again.`);
    return this.#show();
  }

  #letGo() {
    if (!this.waiting.length) return;
    this.#say(`${this.waiting.length} waiting ${this.waiting.length === 1 ? "key was" : "keys were"} let go.`);
    this.waiting = [];
    this.#state();
  }

  // Put the question on the screen that should be there; nothing happens where it is there already.
  #show(stamp) {
    const past = this.history?.current() ?? null;
    const question = past ? past.question : (this.queue?.current() ?? null);
    this.#progress();
    if (past && !question.detail && !question.problem) this.#fetchPast(question);
    if (!question?.detail) return this.#blank(question, past);
    if (this.shown === question && this.past === past && this.isPainted) return this.#state();
    Object.assign(this, { shown: question, past, isPainted: false, zoomed: null });
    this.span = [...(question.view ?? question.detail.view)];
    this.clock = new Clock(question.detail.times, question.detail.timezone, question.span[0]);
    this.view.root.dataset.state = past ? "past" : "asked";
    this.view.fault.value = past?.fault ?? "";
    this.view.comment.value = past?.comment ?? "";
    describe(this.view, question, past, this.clock);
    this.marks.question = question;
    this.#draw(true, past?.extents);
    this.why.show(question, this.data.kinds ?? {});
    this.why.ask(question, this.marks.extents());
    return requestAnimationFrame((now) => this.#painted(question, now, stamp));
  }

  #painted(question, now, stamp) {
    if (this.shown !== question) return;
    this.isPainted = true;
    this.paintedAt = performance.now();
    this.view.root.dataset.item = question.item;
    window.dispatchEvent(new CustomEvent("rl-tsad-painted", { detail: { item: question.item, stamp, now } }));
    if (this.waiting.length) setTimeout(() => this.#takeWaiting(question), WAITED);
  }

  #takeWaiting(question) {
    if (this.shown !== question || !this.isPainted || !this.waiting.length) return;
    this.#take(this.waiting.shift(), question);
    this.#state();
  }

  #draw(anew = false, marks = null) {
    if (!this.shown || !this.picture || this.view.root.dataset.state === "blank") return;
    this.picture.layout(this.shown, this.#height());
    this.picture.draw(this.shown, this.span, this.clock, this.zoomed ?? this.shown.detail.points);
    if (anew && !this.isPainted) this.marks.open(this.shown, marks);
    else this.marks.show();
  }

  #height() {
    return Math.max(240, Math.min(HEIGHT, window.innerHeight - (window.innerWidth < 760 ? 500 : 370)));
  }

  #resized() {
    if (this.picture.width !== this.view.scroller.clientWidth || this.picture.given !== this.#height()) this.#draw();
  }

  #marked() {
    const points = this.marks.extents().reduce((sum, [low, high]) => sum + high - low, 0);
    this.#say(`${points.toLocaleString("en")} point${points === 1 ? "" : "s"} marked: ${this.marks.extents().map((one) => this.clock.stretch(one)).join("; ")}`);
    if (this.shown) this.why.ask(this.shown, this.marks.extents());
  }

  #look(name) {
    if (!this.shown) return;
    const [low, high] = this.span;
    const [wide, whole] = [high - low, this.shown.detail.rows];
    const about = this.shown.asks_event ? (this.marks.extents()[0] ?? this.shown.event) : this.shown.span;
    const middle = (about[0] + about[1]) / 2;
    if (name === "reset") {
      this.span = [...this.shown.view];
      this.zoomed = null;
      this.marks.reset();
    } else if (name === "left" || name === "right") this.#see(low + (name === "left" ? -wide / 4 : wide / 4), wide, whole);
    else {
      const next = Math.max(8, wide * (name === "closer" ? 0.5 : 2));
      this.#see(name === "closer" || (middle > low && middle < high) ? middle - next / 2 : (low + high - next) / 2, next, whole);
    }
    this.#draw();
    this.#finer();
  }

  #see(low, wide, whole) {
    const from = Math.max(0, Math.round(Math.min(low, whole - wide)));
    this.span = [from, Math.round(Math.min(from + wide, whole))];
  }

  // Zoomed: the points that this part needs, as they were recorded where the screen can show them all.
  #finer() {
    clearTimeout(this.zoomTimer);
    const { shown, span } = this;
    const width = Math.max(200, Math.min(1200, Math.floor(DRAWN / shown.detail.channels.length)));
    this.zoomTimer = setTimeout(async () => {
      try {
        const path = `/series/${encodeURIComponent(shown.series)}/points?low=${span[0]}&high=${span[1]}&width=${width}`;
        const found = await this.api.get(path);
        if (this.shown !== shown || this.span !== span) return;
        this.zoomed = found;
        this.clock.learn(found.times);
        this.#draw();
      } catch {
        this.#say("Finer points cannot be had now; what is drawn is what was there.");
      }
    }, 120);
  }

  #blank(question, past) {
    Object.assign(this, { shown: null, past: null, isPainted: false });
    const { cover, root } = this.view;
    root.dataset.state = "blank";
    delete root.dataset.item;
    const state = question?.problem ? "problem" : (question ? "loading" : (this.queue?.state ?? "loading"));
    if (state === "empty" && root.dataset.why === state) return this.#state();
    root.dataset.why = state;
    this.view.left.textContent = "";
    cover.replaceChildren(element("p", absence(state, question?.problem ?? this.problem)));
    if (state === "problem") {
      const skip = element("button", past ? "Go on" : "Skip it", { type: "button" });
      skip.addEventListener("click", () => (past ? this.act("next") : this.#skipBroken(question)));
      const again = element("button", "Try again", { type: "button" });
      again.addEventListener("click", () => (this.queue.retry(question), this.#show()));
      cover.append(again, skip);
    }
    if (state === "empty") this.#tell("empty");
    this.#state();
  }

  #skipBroken(question) {
    this.log.append({ kind: "skip", item: question.item });
    this.queue.advance();
    this.#show();
  }

  async #fetchPast(question) {
    try {
      question.detail ??= await this.api.get(`/questions/${question.item}`);
    } catch (error) {
      question.problem = error;
    }
    if (this.history.current()?.question === question) this.#show();
  }

  #results(results) {
    for (const { status, message, entry } of results) {
      if (status === "refused" && entry?.kind !== "skip") this.#say(`Not kept: ${message}`, true);
    }
    if (this.undoing && results.some((one) => one.entry?.kind === "undo")) {
      this.undoing = false;
      this.queue.done.clear();
      this.queue.held = [];
      this.queue.fill(true);
    }
    const [good] = results.filter((one) => one.status === "kept" && one.entry?.kind === "answer").slice(-1);
    if (good && !results.some((one) => one.status === "refused")) {
      const spread = good.spread ? `, spread to ${good.spread.toLocaleString("en")} look-alike${good.spread === 1 ? "" : "s"}` : "";
      this.#say(`${ANSWERS[good.entry.answer]} kept${spread}.`);
    }
    if (this.log.kept - this.reported >= REPORT_EVERY) this.#tell("progress");
  }

  // Streamlit draws progress and offers beside the card: it is told rarely, because each telling runs the page.
  #tell(what) {
    if (this.log.waiting() || (what === "empty" && this.toldEmpty === this.log.kept)) return;
    this.reported = this.log.kept;
    if (what === "empty") this.toldEmpty = this.log.kept;
    this.report("kept", { what, kept: this.log.kept });
  }

  #progress() {
    const left = this.queue?.left ?? null;
    this.view.left.textContent = left === null ? "" : `${Math.max(0, (this.log.left ?? left) - this.log.waiting()).toLocaleString("en")} left`;
  }

  #read(place) {
    if (place === null || !this.shown) {
      this.view.read.textContent = "";
      return;
    }
    this.view.read.textContent = reading(this.shown.detail, this.zoomed ?? this.shown.detail.points, this.clock, place);
  }

  #say(text, isProblem = false) {
    this.view.said.textContent = text;
    this.view.said.classList.toggle("problem", isProblem);
  }

  #state() {
    if (!this.queue) return;
    const waiting = this.log.waiting();
    this.view.state.textContent = stateLine(this.log, waiting, this.waiting.length);
    this.view.state.dataset.state = waiting ? this.log.state : "kept";
    this.view.root.dataset.waiting = waiting;
    this.#progress();
    if (this.view.root.dataset.why === "empty" && this.view.root.dataset.state === "blank") this.#tell("empty");
  }
}

const sheetOf = (root) => new Promise((settle) => {
  const sheet = root.previousSibling;
  sheet.addEventListener("load", settle);
  sheet.addEventListener("error", settle);
});
