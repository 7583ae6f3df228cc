// Topics and patterns: as paths, and which of them a message is for.

/** A topic as URL path. A level "." or ".." would be resolved away, unless its slash is hidden. */
export function topicPath(topic) {
  if (/^\.{0,2}$/.test(topic)) throw new TypeError(`"${topic}" cannot stand in a URL`);
  const levels = topic.split('/');
  const hide = levels.some((level) => level === '.' || level === '..');
  return levels.map(encodeURIComponent).join(hide ? '%2F' : '/');
}

export const isPattern = (topic) => /(^|\/)[+#]($|\/)/.test(topic);

/**
 * Whether FILTER, a topic or pattern, matches TOPIC: the hub's rules (doc/protocol.md, section 1).
 * Private topics are matched only by patterns that name their first level.
 */
export function matches(filter, topic) {
  if (filter === topic) return true;
  if (!isPattern(filter)) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (topic[0] === '_' && wanted[0] !== levels[0]) return false;
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return i <= levels.length;
    if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}
