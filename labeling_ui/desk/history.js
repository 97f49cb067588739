// What was answered in this tab, fifty deep: to look at again, to take back, to answer otherwise.

const DEPTH = 50;

export class History {
  constructor(name) {
    this.name = name;
    this.at = null; // place that is looked at; null: the question that is asked now
    try {
      this.entries = JSON.parse(sessionStorage.getItem(name)) ?? [];
    } catch {
      this.entries = [];
    }
  }

  add(entry) {
    this.entries.push(entry);
    if (this.entries.length > DEPTH) this.entries.shift();
    this.at = null;
    this.#save();
  }

  current() {
    return this.at === null ? null : this.entries[this.at];
  }

  back() {
    const place = (this.at ?? this.entries.length) - 1;
    if (place < 0) return false;
    this.at = place;
    return true;
  }

  forward() {
    if (this.at === null) return false;
    this.at = this.at + 1 < this.entries.length ? this.at + 1 : null;
    return true;
  }

  leave() {
    this.at = null;
  }

  last() {
    return this.entries.at(-1) ?? null;
  }

  take(entry) {
    this.entries = this.entries.filter((one) => one !== entry);
    this.at = null;
    this.#save();
  }

  change(entry, changes) {
    Object.assign(entry, changes);
    this.#save();
  }

  #save() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      try {
        const bare = ({ detail, isLoading, problem, ...question }) => question;
        const entries = this.entries.map((one) => ({ ...one, question: bare(one.question) }));
        sessionStorage.setItem(this.name, JSON.stringify(entries));
      } catch {
        /* it lasts as long as the page */
      }
    }, 50);
  }
}
