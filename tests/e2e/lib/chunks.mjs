// Chunked bodies (RFC 9112, section 7.1), as strictly as they are to be written.
import assert from 'node:assert/strict';

/**
 * What of a chunked body has come: its whole chunks, and whether the last one is among them.
 * Bytes of a chunk that is not whole yet are left out.
 */
export function readChunks(body) {
  const chunks = [];
  for (let at = 0; ; ) {
    const end = body.indexOf('\r\n', at, 'latin1');
    if (end < 0) return { chunks, ended: false };
    const line = body.toString('latin1', at, end);
    assert.match(line, /^[0-9a-f]+$/i, 'a size');
    const size = Number.parseInt(line, 16);
    const data = body.subarray(end + 2, end + 2 + size);
    const mark = body.subarray(end + 2 + size, end + 4 + size);
    if (mark.length < 2) return { chunks, ended: false };
    assert.equal(mark.toString('latin1'), '\r\n', 'the end of a chunk');
    if (size === 0) {
      assert.equal(body.length, end + 4, 'nothing behind the last chunk');
      return { chunks, ended: true };
    }
    chunks.push(data);
    at = end + 4 + size;
  }
}

/** The body that those chunks are of. */
export const joinChunks = (body) => Buffer.concat(readChunks(body).chunks);
