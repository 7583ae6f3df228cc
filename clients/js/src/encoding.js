// Payloads: bytes, text and JSON, as HTTP bodies and as members of a WebSocket's publish.

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function base64Of(data) {
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

const isBlob = (data) => typeof Blob !== 'undefined' && data instanceof Blob;
const isBytes = (data) => data instanceof ArrayBuffer || ArrayBuffer.isView(data);

/** { body, type } of a request that publishes DATA. */
export function bodyOf(data) {
  if (data === undefined) throw new TypeError('there is no data to publish');
  if (typeof data === 'string') return { body: data, type: 'text/plain; charset=utf-8' };
  const binary = isBytes(data) || isBlob(data);
  if (binary) return { body: data, type: 'application/octet-stream' };
  return { body: JSON.stringify(data), type: 'application/json' };
}

/** The same as members of a WebSocket's publish; null where it takes a request. */
export function membersOf(data) {
  if (isBlob(data)) return null;
  return isBytes(data) ? { data: base64Of(data), encoding: 'base64' } : { data };
}

/** Header values are bytes, one to each character: the UTF-8 of TEXT. */
export function headerText(text) {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}
