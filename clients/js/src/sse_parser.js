// The event stream parser of the HTML standard, section 9.2.6.

/**
 * It is fed with bytes or text in pieces of any size. A block with an id and no data is given too
 * (data null): it moves the cursor.
 */
export class SseParser {
  constructor({ onBlock, onRetry = () => {} }) {
    this._decoder = new TextDecoder(); // drops the byte order mark
    this._onBlock = onBlock;
    this._onRetry = onRetry;
    this._rest = ''; // the beginning of a line
    this._afterCr = false; // a LF now belongs to the CR before
    this._data = null;
    this._event = '';
    this._id = '';
    this._idSeen = false;
  }

  push(chunk) {
    const text = typeof chunk === 'string' ? chunk : this._decoder.decode(chunk, { stream: true });
    if (text === '') return;
    let from = this._afterCr && text[0] === '\n' ? 1 : 0;
    this._afterCr = false;
    const ends = /\r\n?|\n/g;
    ends.lastIndex = from;
    for (let end = ends.exec(text); end; end = ends.exec(text)) {
      const line = this._rest + text.slice(from, end.index);
      this._rest = '';
      from = ends.lastIndex;
      this._afterCr = end[0] === '\r' && from === text.length;
      this._line(line);
    }
    this._rest += text.slice(from);
  }

  _line(line) {
    if (line === '') return this._dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    this._field(name, value);
  }

  _field(name, value) {
    if (name === 'data') {
      this._data = this._data === null ? value : `${this._data}\n${value}`;
    } else if (name === 'event') {
      this._event = value;
    } else if (name === 'id' && !value.includes('\0')) {
      this._id = value;
      this._idSeen = true;
    } else if (name === 'retry' && /^[0-9]+$/.test(value)) {
      this._onRetry(Number(value));
    }
  }

  _dispatch() {
    const block = { id: this._id, event: this._event || 'message', data: this._data };
    const worth = this._data !== null || this._idSeen;
    this._data = null;
    this._event = '';
    this._idSeen = false;
    if (worth) this._onBlock(block);
  }
}
