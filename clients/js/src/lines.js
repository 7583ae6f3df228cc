// The lines of a client: one for all subscriptions that want the same of their connection.

import { Line } from './line.js';

export class Lines {
  /** PAUSEHIDDEN: after how many ms a page that is hidden gets nothing; undefined: it goes on. */
  constructor(hub, pauseHidden) {
    this._hub = hub;
    this._pauseHidden = pauseHidden;
    this._hiding = null; // timer
    this._lines = new Map(); // by what is wanted
  }

  /** The line for one who wants OPTIONS of it. */
  lineFor({ transport = 'auto', timeout, upgradeAfter, backoff }) {
    const key = JSON.stringify([transport, timeout, upgradeAfter, backoff]);
    const options = { transport, timeout, upgradeAfter, backoff };
    const onEmpty = () => this._lines.delete(key);
    const line = this._lines.get(key) ?? new Line(this._hub, options, onEmpty);
    this._lines.set(key, line);
    return line;
  }

  all() {
    return [...this._lines.values()];
  }

  /** The connection that can send a request now, or null. */
  talking() {
    return this.all().find((line) => line.talking)?.talking ?? null;
  }

  /** What the page tells (page.js). */
  take(news) {
    clearTimeout(this._hiding);
    if (news === 'leaving' || news === 'back') this._hub.isLeaving = news === 'leaving';
    if (news === 'leaving') this._suspend(); // it may come back from the back-forward cache
    else if (news === 'hidden') this._hide();
    else this._wake(news);
  }

  _suspend() {
    for (const line of this.all()) line.suspend();
  }

  _hide() {
    if (this._pauseHidden === undefined) return;
    this._hiding = setTimeout(() => this._suspend(), this._pauseHidden);
  }

  _wake(news) {
    for (const line of this.all()) {
      if (news === 'back') line.resume();
      line.wake(news);
    }
  }
}
