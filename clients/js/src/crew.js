// With which subscriptions a connection begins.

const URL_MAX = 6_000; // bytes of topics; servers and proxies take heads of 8 KB and more

/**
 * Of SUBS those that have joined the line, which is at PLACE; else the first, and all that begin
 * where it does. What `-N` counts back is messages of one subscription: it begins alone. Returns
 * { crew, start }: start is a place, or what to ask for instead.
 */
export function chooseCrew(subs, place) {
  const all = [...subs].filter((sub) => sub.settled.length > 0);
  const joined = place === null ? [] : all.filter((sub) => sub.stage === 'joined');
  if (joined.length > 0) return { crew: thatFit(joined), start: place };
  const start = all[0]?.start;
  const crew = start?.[0] === '-' ? [all[0]] : all.filter((sub) => sub.start === start);
  return { crew: thatFit(crew), start };
}

function thatFit(crew) {
  let room = URL_MAX;
  return crew.filter(({ settled }, i) => {
    for (const topic of settled) room -= encodeURIComponent(topic).length + '&topic='.length;
    return i === 0 || room >= 0;
  });
}
