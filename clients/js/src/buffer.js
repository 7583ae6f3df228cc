// Messages that wait for `for await`.

/**
 * It says when it is full, onFull(), and when it has room again, onRoom(): in between nothing should
 * come, since the hub keeps the rest, that is what it is for.
 */
export class Buffer {
  constructor(size, onFull, onRoom) {
    this._size = size;
    this._onFull = onFull;
    this._onRoom = onRoom;
    this._messages = [];
    this._readers = []; // that wait: { resolve, reject }
    this._end = null; // { error }, perhaps undefined
    this.isFull = false;
  }

  get length() {
    return this._messages.length;
  }

  get room() {
    return Math.max(1, this._size - this._messages.length);
  }

  push(message) {
    this._messages.push(message);
    this._serve();
    if (this._messages.length < this._size || this.isFull) return;
    this.isFull = true;
    this._onFull();
  }

  /** Nothing follows what is there. */
  end(error) {
    this._end = { error };
    this._serve();
  }

  /** Resolves to the next message; undefined at the end; rejects if that was an error. */
  next() {
    return new Promise((resolve, reject) => {
      this._readers.push({ resolve, reject });
      this._serve();
    });
  }

  takeAll() {
    return this._messages.splice(0);
  }

  _serve() {
    while (this._readers.length > 0 && (this._messages.length > 0 || this._end)) {
      const { resolve, reject } = this._readers.shift();
      if (this._messages.length > 0) resolve(this._take());
      else if (this._end.error) reject(this._end.error);
      else resolve(undefined);
    }
  }

  _take() {
    const message = this._messages.shift();
    this.consumed = message.id;
    if (this.isFull && this._messages.length <= this._size / 2) {
      this.isFull = false;
      this._onRoom();
    }
    return message;
  }
}
