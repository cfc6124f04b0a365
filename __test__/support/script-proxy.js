'use strict';

const { frontendSplitter } = require('./frontend-messages.js');
const { tappedProxy } = require('./proxy.js');

/** How a connection can be cut on the client's side; the server's side goes on. */
const CUTS = {
  FIN: (link) => link.client.end(),
  RST: (link) => link.client.resetAndDestroy(),
};

/**
 * What a proxy does to the connection that runs a script. Each is called with the link, and may be left out.
 *
 * @typedef {object} ScriptTaps
 * @property {(link: any) => void} [onLink] any connection is made
 * @property {(link: any) => boolean | void} [onScript] the script comes from the client; false keeps it from the server
 * @property {(link: any) => boolean | void} [onAnswer] the server answers the script; false keeps that from the client
 * @property {(link: any) => boolean | void} [onCommit] COMMIT comes from the client; false keeps it from the server
 * @property {{ count: number, then: (link: any) => void }} [answers] so many answers of the server pass from the script
 *   on, then this is done, and the rest is kept from the client
 * @property {(link: any) => boolean | void} [onCommitted] the server answers COMMIT; false keeps that from the client
 */

/**
 * A proxy that knows where on its way a script of executeDDL is. What it does to one, it does to the first only.
 *
 * @param {{ host: string, port: number }} server
 * @param {ScriptTaps} [taps]
 * @returns {Promise<import('./proxy.js').Proxy & { queries: () => string[][], trips: () => number, forget: () => void }>}
 *   `queries` gives the texts of simple queries, one array for each write of the client; `trips`: how often the client spoke
 *   after the server had; `forget` begins both anew
 */
async function scriptProxy(server, taps = {}) {
  const splitters = new WeakMap();
  /** The link with the script, and how far it is. */
  const script = { link: null, phase: 'before' };
  let said = [];

  const proxy = await tappedProxy(server, {
    onLink: taps.onLink,
    onClientBytes(bytes, link) {
      if (!splitters.has(link)) splitters.set(link, frontendSplitter());
      const messages = splitters.get(link)(bytes);
      said.push({ from: 'client', queries: messages.filter(({ type }) => type === 'Q').map(textOf) });
      const kept = messages.filter((message) => message.type !== 'Q' || passes(textOf(message), link));
      return kept.length === messages.length ? undefined : joined(kept);
    },
    onServerBytes(bytes, link) {
      said.push({ from: 'server', queries: [] });
      if (link !== script.link) return undefined;
      if (taps.answers) return counted(bytes, link);
      const tap = { sent: taps.onAnswer, committing: taps.onCommitted }[script.phase];
      return tap?.(link) === false ? null : undefined;
    },
  });

  let answered = 0;
  let isOver = false;
  let begun = Buffer.alloc(0);
  /** The bytes up to the last answer that may pass. */
  function counted(bytes, link) {
    if (isOver) return null;
    begun = Buffer.concat([begun, bytes]);
    let end = 0;
    while (answered < taps.answers.count && begun.length >= end + 5) {
      const next = end + 1 + begun.readInt32BE(end + 1);
      if (next > begun.length) break;
      if (begun[end] === 'Z'.charCodeAt(0)) answered += 1;
      end = next;
    }
    const passing = begun.subarray(0, end);
    begun = begun.subarray(end);
    if (answered < taps.answers.count) return passing;
    isOver = true;
    if (passing.length > 0) link.client.write(passing);
    taps.answers.then(link);
    return null;
  }

  function passes(text, link) {
    if (/^BEGIN(;|$)/.test(text) && script.phase === 'before') {
      Object.assign(script, { link, phase: 'sent' });
      return taps.onScript?.(link) !== false;
    }
    if (/\bCOMMIT$/.test(text) && link === script.link) {
      script.phase = 'committing';
      return taps.onCommit?.(link) !== false;
    }
    return true;
  }

  return Object.assign(proxy, {
    queries: () => said.map(({ queries }) => queries).filter((queries) => queries.length > 0),
    trips: () => said.filter(({ from }, at) => from === 'client' && said[at - 1]?.from !== 'client').length,
    forget: () => {
      said = [];
    },
  });
}

function textOf({ body }) {
  return body.subarray(0, -1).toString('utf8');
}

function joined(messages) {
  return messages.length === 0 ? null : Buffer.concat(messages.map(({ bytes }) => bytes));
}

module.exports = { CUTS, scriptProxy };
