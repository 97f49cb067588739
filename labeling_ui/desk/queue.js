// Which questions are held, and are their pictures here before they are needed?

const HELD = 50;
const REFILL = 35;
const AT_ONCE = 2;
const POINTS = 3_000_000;
const BEAT = 45_000;
const LOOK_AGAIN = 20_000; // where nothing was left: others leave questions, and leases end

export class Queue {
  constructor(api, log, { onChange, onProblem }) {
    this.api = api;
    this.log = log;
    this.onChange = onChange;
    this.onProblem = onProblem;
    this.held = []; // questions in the order of asking; `detail` once it has come
    this.done = new Set();
    this.left = null;
    this.state = "loading"; // loading | ready | empty | offline
    this.isFetching = false;
    this.loading = 0;
    this.depth = HELD;
    this.#beatEvery(BEAT);
    this.channel = "BroadcastChannel" in window ? new BroadcastChannel(log.prefix) : null;
    if (this.channel) this.channel.onmessage = ({ data }) => this.#elsewhere(data);
  }

  close() {
    clearInterval(this.beat);
    clearTimeout(this.timer);
    this.channel?.close();
    this.isClosed = true;
  }

  current() {
    return this.held[0] ?? null;
  }

  // The first question is dealt with: the next one comes forward at once.
  advance() {
    const gone = this.held.shift();
    if (gone) this.done.add(gone.item);
    if (gone) this.channel?.postMessage({ item: gone.item });
    this.#more();
  }

  // A question comes back, as after an undo.
  bring(question) {
    this.done.delete(question.item);
    this.held = [question, ...this.held.filter((one) => one.item !== question.item)];
    this.state = "ready";
    this.channel?.postMessage({ item: question.item, isBack: true });
    this.#details();
  }

  async fill(again = false) {
    if (this.isFetching || this.isClosed) return;
    this.isFetching = true;
    clearTimeout(this.timer);
    if (again && !this.held.length) this.state = "loading";
    try {
      const count = Math.min(50, HELD + this.log.waiting());
      const reply = await this.api.post("/next", { client: this.log.client, count });
      this.left = reply.left;
      const pending = this.log.answeredItems();
      const here = new Set(this.held.map((one) => one.item));
      const isNew = (one) => !here.has(one.item) && !pending.has(one.item) && !this.done.has(one.item);
      const fresh = reply.questions.filter(isNew);
      this.held.push(...fresh);
      this.isDry = !fresh.length;
      this.state = this.held.length ? "ready" : this.log.waiting() ? "loading" : "empty";
      this.wait = 500;
      const lease = 1000 * reply.lease_seconds;
      this.#beatEvery(Math.min(BEAT, lease / 3));
      if (this.state === "loading") this.#later(300);
      if (this.state === "empty") this.#later(Math.min(LOOK_AGAIN, lease / 3));
    } catch (error) {
      if (!this.held.length) this.state = "offline";
      this.onProblem(error);
      this.wait = Math.min(10_000, 2 * (this.wait ?? 500));
      this.#later(this.wait);
    } finally {
      this.isFetching = false;
    }
    this.#details();
    this.onChange();
  }

  retry(question) {
    delete question.problem;
    this.#details();
  }

  #later(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fill(), milliseconds);
  }

  #more() {
    this.#details();
    if (this.held.length < REFILL && (!this.isDry || !this.held.length)) this.fill();
  }

  #details() {
    const wanted = this.held.slice(0, this.depth).find((one) => !one.detail && !one.isLoading && !one.problem);
    if (!wanted || this.loading >= AT_ONCE || this.isClosed) return;
    wanted.isLoading = true;
    this.loading += 1;
    this.#load(wanted);
    this.#details();
  }

  async #load(question) {
    try {
      question.detail = await this.api.get(`/questions/${question.item}`);
      const points = question.detail.points.index.reduce((sum, one) => sum + one.length, 1);
      this.depth = Math.max(3, Math.min(HELD, Math.floor(POINTS / points)));
    } catch (error) {
      question.problem = error;
      if (!error.status || error.status >= 500 || error.status === 429) {
        setTimeout(() => this.retry(question), 2_000);
      }
    } finally {
      question.isLoading = false;
      this.loading -= 1;
      this.#details();
      if (question === this.current()) this.onChange();
    }
  }

  // Another tab of the same analyst: nobody is to answer the same twice, so it goes from here too, also from the screen.
  #elsewhere({ item, isBack }) {
    if (isBack) return this.done.delete(item);
    const seen = this.current();
    this.done.add(item);
    this.held = this.held.filter((one) => one.item !== item);
    this.#more();
    return seen !== this.current() && this.onChange("That one was answered in another tab.");
  }

  #beatEvery(milliseconds) {
    if (milliseconds === this.pause) return;
    this.pause = milliseconds;
    clearInterval(this.beat);
    this.beat = setInterval(() => this.#heartbeat(), milliseconds);
  }

  async #heartbeat() {
    const items = this.held.map((one) => one.item);
    if (!items.length) return;
    try {
      const { held } = await this.api.post("/heartbeat", { items });
      const still = new Set(held);
      this.held = this.held.filter((one, place) => place === 0 || still.has(one.item));
      this.#more();
    } catch {
      /* the lease lasts for some beats; the log's line says that the server is away */
    }
  }
}
