'use strict';

const START_UP_HEADER = 4;
const HEADER = 5;

/**
 * Takes a client's bytes apart into messages, whatever pieces they come in.
 *
 * @param {{ startup?: boolean }} [options] false: the bytes begin after start-up
 * @returns {(bytes: Buffer) => { type: string, body: Buffer, bytes: Buffer }[]} the messages that are complete
 *   with these bytes; a start-up packet has the type ''
 */
function frontendSplitter({ startup = true } = {}) {
  let pending = Buffer.alloc(0);
  let inStartup = startup;
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    const messages = [];
    for (;;) {
      const header = inStartup ? START_UP_HEADER : HEADER;
      if (pending.length < header) return messages;
      const end = pending.readInt32BE(header - 4) + (header - 4);
      if (pending.length < end) return messages;
      const bytes = pending.subarray(0, end);
      messages.push({
        type: inStartup ? '' : String.fromCharCode(bytes[0]),
        body: bytes.subarray(header),
        bytes,
      });
      // A request for encryption is followed by the start-up packet proper.
      if (inStartup && end > 8) inStartup = false;
      pending = pending.subarray(end);
    }
  };
}

/**
 * A tap for a proxy that changes the text of queries on their way to the server, one message at a time.
 *
 * @param {(sql: string) => string} rewrite
 * @returns {import('./proxy.js').Tap}
 */
function rewriteQueries(rewrite) {
  const splitters = new WeakMap();
  return (chunk, link) => {
    if (!splitters.has(link)) splitters.set(link, frontendSplitter());
    const messages = splitters.get(link)(chunk);
    return Buffer.concat(
      messages.map((message) => (message.type === 'Q' ? rewritten(message, rewrite) : message.bytes)),
    );
  };
}

function rewritten({ body, bytes }, rewrite) {
  const sql = body.subarray(0, -1).toString('utf8');
  const changed = rewrite(sql);
  if (changed === sql) return bytes;
  const text = Buffer.from(`${changed}\0`);
  const header = Buffer.from('Q\0\0\0\0');
  header.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([header, text]);
}

module.exports = { frontendSplitter, rewriteQueries };
