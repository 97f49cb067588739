// The labeling card: one question on the desk, the next ones ready, answers kept before they are sent.
//
// A key counts for the question that is on the screen. A key that comes before the next question is painted waits for
// it, in order, and is taken once that question has been on the screen for WAITED; Escape and Z let waiting keys go.

import { showAbsence } from "./absence.js";
import { Alike } from "./alike.js";
import { makeApi } from "./api.js";
import { Clock } from "./clock.js";
import { Picture } from "./draw.js";
import { Help } from "./help.js";
import { History } from "./history.js";
import { listen } from "./keys.js";
import { AnswerLog } from "./log.js";
import { Looking } from "./looking.js";
import { Marks } from "./marks.js";
import { Overlays } from "./overlays.js";
import { Queue } from "./queue.js";
import { Teller } from "./telling.js";
import { makeView } from "./view.js";
import { element, Why } from "./why.js";
import { ANSWERS, describe, reading, stateLine } from "./wording.js";

const WAITED = 16;
const CLICK_AFTER = 250; // the second press of a double click is no answer to the next question
const MOST_WAITING = 500;
const HEIGHT = 400;
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
    this.waiting = [];
    this.api = makeApi(data.api, data.token, data.analyst);
    const root = element("section", "", { class: "card", "aria-label": "Labeling card" });
    this.parts = [element("link", "", { rel: "stylesheet", href: data.sheet }), root];
    parent.append(...this.parts);
    this.view = makeView(root, (name, how) => this.act(name, how), data.faults ?? []);
    this.picture = new Picture(this.view.back, this.view.front, this.view.scroller, this.view.axis);
    this.marks = new Marks(this.picture, this.view.layer, { onChange: () => this.#marked() });
    this.marks.onHover = (place) => this.#read(place);
    this.why = new Why(this.view.why);
    this.#parts(data);
    this.log = new AnswerLog(data.scope, this.api, { onChange: () => this.#state(), onResults: (all) => this.#results(all) });
    this.teller = new Teller(this.log, report);
  }

  #parts(data) {
    const onSay = (text) => this.#say(text);
    const onChange = () => this.#draw();
    const onLeave = () => this.view.question.focus({ preventScroll: true });
    this.help = new Help(this.view.root);
    this.looking = new Looking(this.api, { onChange, onProblem: onSay, onTimes: (times) => this.clock.learn(times) });
    this.overlays = new Overlays(this.view.switches, this.picture, this.api, { onChange, onSay });
    this.alike = new Alike(this.view.alike, this.api, { isOn: data.alike !== false, onSay, onLeave });
  }

  async open() {
    await Promise.all([this.log.open(), sheetOf(this.view.root)]);
    if (this.isClosed) return; // taken off the page meanwhile: it must not hear any key
    this.history = new History(`${this.log.prefix}history|${this.log.client}`); // its numbers are those of this name
    const onChange = (said) => (said && this.#say(said), this.#show());
    this.queue = new Queue(this.api, this.log, { onChange, onProblem: (error) => (this.problem = error) });
    this.deaf = listen((name, how) => this.act(name, how), () => this.help.isOpen);
    if (document.activeElement?.tagName === "INPUT") document.activeElement.blur(); // a name was typed: keys answer now
    this.onEscape = (event) => event.key === "Escape" && !this.help.isOpen && this.#letGo();
    window.addEventListener("keydown", this.onEscape);
    this.sizes = new ResizeObserver(() => this.#resized());
    this.sizes.observe(this.view.root);
    this.sizes.observe(this.view.scroller);
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
    this.teller.close();
    this.deaf?.();
    window.removeEventListener("keydown", this.onEscape);
    window.removeEventListener("resize", this.onResize);
    this.sizes?.disconnect();
    this.themes?.disconnect();
    this.alike.stop();
    this.overlays.close();
    this.queue?.close();
    this.log.close();
  }

  update(data, report) {
    const isOther = data.round !== this.data.round;
    this.data = data;
    this.teller.report = report;
    this.api.token = data.token;
    if (isOther) this.overlays.forget();
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
    else if (name === "help") this.help.toggle();
    else if (name === "overlays") this.overlays.toggleAll();
    else if (name === "alike") this.alike.enter();
    else this.#look(name);
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
    const exceptions = this.alike.exceptions(name);
    const seconds = Math.round((performance.now() - this.paintedAt) / 10) / 100;
    const fault = (name === "anomaly" && this.view.fault.value) || undefined;
    const comment = this.view.comment.value.trim() || undefined;
    if (old?.sequence && old.answer !== "skip") this.log.append({ kind: "undo", undoes: old.sequence });
    const entry = name === "skip" ? { kind: "skip", item: question.item } : { kind: "answer", item: question.item, answer: name, extents, exceptions, fault, comment, seconds };
    const sequence = this.log.append(entry);
    const kept = { question, answer: name, extents, exceptions, fault, comment, sequence };
    if (old) {
      this.history.change(old, kept);
      this.history.leave();
    } else {
      this.history.add(kept);
      this.queue.advance();
    }
    this.alike.stop();
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
    if (this.shown === question && this.past === past) return this.#state(); // it is painted, or will be with this frame
    Object.assign(this, { shown: question, past, isPainted: false });
    this.looking.open(question);
    this.clock = new Clock(question.detail.times, question.detail.timezone, question.span[0]);
    this.view.root.dataset.state = past ? "past" : "asked";
    this.view.fault.value = past?.fault ?? "";
    this.view.comment.value = past?.comment ?? "";
    this.view.read.textContent = "";
    describe(this.view, question, past, this.clock);
    this.marks.question = question;
    this.overlays.open(question, () => this.queue.held[past ? 0 : 1]);
    this.#draw(true, past?.extents);
    this.why.show(question, this.data.kinds ?? {});
    this.alike.open(question, this.marks.extents(), past);
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
    this.picture.draw(this.shown, this.looking.span, this.clock, this.looking.points);
    if (anew && !this.isPainted) this.marks.open(this.shown, marks);
    else this.marks.show();
  }

  #height() {
    return Math.max(240, Math.min(HEIGHT, window.innerHeight - (window.innerWidth < 760 ? 500 : 395)));
  }

  #resized() {
    if (this.picture.seen === this.view.scroller.clientWidth && this.picture.given === this.#height()) return;
    this.picture.seen = 0;
    this.#draw();
  }

  #marked() {
    const points = this.marks.extents().reduce((sum, [low, high]) => sum + high - low, 0);
    this.#say(`${points.toLocaleString("en")} point${points === 1 ? "" : "s"} marked: ${this.marks.extents().map((one) => this.clock.stretch(one)).join("; ")}`);
    if (this.shown) this.alike.ask(this.marks.extents());
  }

  #look(name) {
    if (!this.shown) return;
    if (name === "reset") this.marks.reset();
    this.looking.look(name, this.shown.asks_event ? (this.marks.extents()[0] ?? this.shown.event) : this.shown.span);
  }

  #blank(question, past) {
    Object.assign(this, { shown: null, past: null, isPainted: false });
    this.alike.stop();
    const state = showAbsence(this.view, question, this.queue, {
      problem: this.problem,
      skip: past ? "Go on" : "Skip it",
      onRetry: () => (this.queue.retry(question), this.#show()),
      onSkip: () => (past ? this.act("next") : this.#skipBroken(question)),
    });
    if (state === "empty") this.teller.empty();
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
    this.teller.progress();
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
    this.view.read.textContent = reading(this.shown.detail, this.looking.points, this.clock, place);
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
    if (this.view.root.dataset.why === "empty" && this.view.root.dataset.state === "blank") this.teller.empty();
  }
}

const sheetOf = (root) => new Promise((settle) => {
  const sheet = root.previousSibling;
  sheet.addEventListener("load", settle);
  sheet.addEventListener("error", settle);
});
