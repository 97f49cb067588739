// What was answered and is not yet known to be on the server's disk?
//
// Every entry has a key of its own in localStorage before anything else happens with it, so that two tabs never write
// over each other, and it is removed only when the server has acknowledged it. Entries go out in order, one request at
// a time; sending one twice does no harm, because the server keeps (client, sequence) once. What a closed tab left
// behind is sent by the next tab of the same visitor and workspace, under the old tab's name.

const MOST = 100;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
const APART = 800; // fast answers go together: the server keeps fifty of them with one sync of its disk

const pad = (sequence) => String(sequence).padStart(9, "0");

export class AnswerLog {
  constructor(scope, api, { onChange, onResults }) {
    this.prefix = `rl-tsad-desk|${scope}|`;
    this.api = api;
    this.onChange = onChange;
    this.onResults = onResults;
    this.state = "kept";
    this.message = "";
    this.isSending = false;
    this.isClosed = false;
    this.wait = FIRST_WAIT;
    this.most = MOST;
    this.kept = 0;
    this.left = null;
    this.mine = new Map(); // this tab's entries by sequence, as they are stored
    this.others = 0; // entries that closed tabs left, as last counted
  }

  async open() {
    this.client = await this.#ownName();
    if (this.isClosed) return void this.release?.(); // closed meanwhile: the name is free for the card that follows
    this.mine = new Map(this.#left(this.client).map((entry) => [entry.sequence, entry]));
    this.next = Math.max(1, Number(this.#session("next") ?? 1), ...[...this.mine.keys()].map((one) => one + 1));
    window.addEventListener("online", this.#retry);
    window.addEventListener("pagehide", this.#leave);
    this.send();
  }

  close() {
    this.#leave();
    this.isClosed = true;
    clearTimeout(this.timer);
    this.release?.();
    window.removeEventListener("online", this.#retry);
    window.removeEventListener("pagehide", this.#leave);
  }

  append(entry) {
    const sequence = this.next;
    this.next += 1;
    this.#session("next", this.next);
    this.#write({ ...entry, sequence });
    this.onChange();
    this.send();
    return sequence;
  }

  waiting() {
    return this.mine.size + this.others;
  }

  answeredItems() {
    const entries = [this.client, ...this.#closed()].flatMap((client) => this.#stored(client));
    return new Set(entries.filter((entry) => entry.kind !== "undo" && entry.item).map((entry) => entry.item));
  }

  async send() {
    if (this.isSending || this.isClosed) return;
    this.isSending = true;
    clearTimeout(this.timer);
    try {
      let client;
      while (!this.isClosed && (client = this.mine.size ? this.client : this.#closed()[0])) {
        await new Promise((go) => setTimeout(go, Math.max(0, (this.sentAt ?? 0) + APART - performance.now())));
        this.sentAt = performance.now();
        const entries = this.#stored(client).slice(0, this.most);
        if (entries.length) await this.#sendSome(client, entries);
      }
      if (this.state !== "refused") this.state = "kept";
    } catch (error) {
      this.#failed(error);
    } finally {
      this.isSending = false;
      this.onChange();
    }
  }

  async #sendSome(client, entries) {
    if (this.state !== "kept") this.state = this.state === "refused" ? "refused" : "sending";
    try {
      const reply = await this.api.post("/log", { client, entries });
      for (const entry of entries) if (entry.sequence <= reply.acknowledged) this.#remove(client, entry.sequence);
      this.#took(client, entries, reply);
    } catch (error) {
      if (![400, 413, 422].includes(error.status)) throw error;
      if (entries.length > 1) {
        this.most = Math.max(1, entries.length >> 1);
        return;
      }
      this.#remove(client, entries[0].sequence); // one that the server will never take must not stop the others
      this.#took(client, entries, { results: [{ ...entries[0], status: "refused", message: error.message }] });
    }
  }

  #took(client, entries, reply) {
    this.wait = FIRST_WAIT;
    this.most = MOST;
    this.state = "kept";
    this.left = reply.left ?? this.left;
    const kinds = new Map(entries.map((entry) => [entry.sequence, entry]));
    const results = (reply.results ?? []).map((one) => ({ ...one, entry: kinds.get(one.sequence) }));
    this.kept += results.filter((one) => one.status === "kept" && one.entry?.kind === "answer").length;
    if (client === this.client) this.onResults(results);
    this.onChange();
  }

  #failed(error) {
    const isTurnedAway = error.status === 401 || error.status === 403;
    this.state = isTurnedAway ? "refused" : "offline";
    this.message = error.status ? error.message : "";
    this.timer = setTimeout(() => this.send(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
  }

  #retry = () => {
    this.wait = FIRST_WAIT;
    this.send();
  };

  // The page goes away: a last request that outlives it. What it carries stays stored until some tab hears of it.
  #leave = () => {
    const entries = this.client ? this.#stored(this.client).slice(0, this.most) : [];
    if (entries.length) this.api.post("/log", { client: this.client, entries }, { keepalive: true }).catch(() => {});
  };

  // A tab keeps its name over a reload. A copied tab would bring the same name: the lock tells, and it takes a new one.
  async #ownName() {
    const known = this.#session("client");
    if (known && (await this.#lock(known))) return known;
    const fresh = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join("-");
    this.#session("client", fresh);
    this.#session("next", 1);
    await this.#lock(fresh);
    return fresh;
  }

  #lock(name) {
    if (!navigator.locks) return Promise.resolve(false);
    const ask = (options) =>
      new Promise((settle) => {
        navigator.locks
          .request(this.prefix + name, options, (lock) => {
            settle(Boolean(lock));
            return lock ? new Promise((release) => (this.release = release)) : undefined;
          })
          .catch(() => settle(false));
      });
    const patience = new AbortController(); // a reload frees the lock of the page before within moments
    setTimeout(() => patience.abort(), 400);
    return ask({ signal: patience.signal });
  }

  #session(name, value) {
    try {
      if (value === undefined) return sessionStorage.getItem(this.prefix + name);
      sessionStorage.setItem(this.prefix + name, value);
    } catch {
      /* no storage: the name lasts as long as the page */
    }
    return null;
  }

  #key(client, sequence) {
    return `${this.prefix}${client}|${pad(sequence)}`;
  }

  #write(entry) {
    this.mine.set(entry.sequence, entry);
    try {
      localStorage.setItem(this.#key(this.client, entry.sequence), JSON.stringify(entry));
    } catch {
      this.isMemoryOnly = true;
    }
  }

  #remove(client, sequence) {
    if (client === this.client) this.mine.delete(sequence);
    try {
      localStorage.removeItem(this.#key(client, sequence));
    } catch {
      /* it was never there */
    }
  }

  #stored(client) {
    return client === this.client ? [...this.mine.values()] : this.#left(client);
  }

  // Other tabs' names under which something is stored. It looks through all of the storage: not for each key.
  #closed() {
    const keys = this.#keys().filter((key) => !key.startsWith(`${this.prefix}${this.client}|`));
    this.others = keys.length;
    return [...new Set(keys.map((key) => key.slice(this.prefix.length).split("|")[0]))];
  }

  #keys() {
    try {
      return Object.keys(localStorage).filter((key) => key.startsWith(this.prefix) && /\|\d{9}$/.test(key)).sort();
    } catch {
      return []; // memory only
    }
  }

  #left(client) {
    const start = `${this.prefix}${client}|`;
    return this.#keys().filter((key) => key.startsWith(start)).map(read).filter(Boolean);
  }
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    localStorage.removeItem(key); // it can never be sent
    return null;
  }
}
