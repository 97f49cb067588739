// Which part of the series is on the screen? Zoomed and moved by keys; a part's points are fetched as they were recorded.

const PATIENCE = 120; // milliseconds without another key before finer points are asked for
const DRAWN = 24_000; // points of all channels together that are fetched

export class Looking {
  constructor(api, { onChange, onProblem, onTimes }) {
    this.api = api;
    this.onChange = onChange;
    this.onProblem = onProblem;
    this.onTimes = onTimes;
  }

  open(question) {
    clearTimeout(this.timer);
    this.question = question;
    this.span = [...(question.view ?? question.detail.view)];
    this.finer = null;
  }

  get points() {
    return this.finer ?? this.question.detail.points;
  }

  // `about` is the stretch [low, high) that stays on the screen where it is on it.
  look(name, about) {
    const [low, high] = this.span;
    const wide = high - low;
    const middle = (about[0] + about[1]) / 2;
    if (name === "reset") this.open(this.question);
    else if (name === "left" || name === "right") this.#see(low + (name === "left" ? -wide / 4 : wide / 4), wide);
    else {
      const next = Math.max(8, wide * (name === "closer" ? 0.5 : 2));
      this.#see(name === "closer" || (middle > low && middle < high) ? middle - next / 2 : (low + high - next) / 2, next);
    }
    this.onChange();
    this.#refine();
  }

  #see(low, wide) {
    const whole = this.question.detail.rows;
    const from = Math.max(0, Math.round(Math.min(low, whole - wide)));
    this.span = [from, Math.min(Math.round(from + wide), whole)];
  }

  #refine() {
    clearTimeout(this.timer);
    const { question, span } = this;
    const width = Math.max(200, Math.min(1200, Math.floor(DRAWN / question.detail.channels.length)));
    this.timer = setTimeout(async () => {
      try {
        const path = `/series/${encodeURIComponent(question.series)}/points?low=${span[0]}&high=${span[1]}&width=${width}`;
        const found = await this.api.get(path);
        if (this.question !== question || this.span !== span) return;
        this.finer = found;
        this.onTimes(found.times);
        this.onChange();
      } catch {
        this.onProblem("Finer points cannot be had now; what is drawn is what was there.");
      }
    }, PATIENCE);
  }
}
