// A process of its own that stands between client and server and makes a round trip last longer: what comes
// in goes out after half of it, in either direction.
//
//   node proxy.mjs HOST PORT ROUND_TRIP_MILLIS   prints the port it listens on, ends with its standard input

import net from 'node:net';
import { performance } from 'node:perf_hooks';

const [host, port, roundTripMillis] = process.argv.slice(2);
const delayMillis = Number(roundTripMillis) / 2;

// Node's timers are whole milliseconds, and 1 ms late is much for a delay of half a millisecond. The last
// stretch is slept through on a futex, which is exact to some ten microseconds and costs no CPU.
const EXACT_STRETCH_MILLIS = 1.5;
const neverNotified = new Int32Array(new SharedArrayBuffer(4));

/** Hands each chunk of `from` to `to`, in order, `delayMillis` after it came. */
function delay(from, to) {
  const queue = [];
  let timer;
  const schedule = () => {
    const remaining = queue[0].due - performance.now() - EXACT_STRETCH_MILLIS;
    // Not at once: called by `deliver`, it would call itself until the time is up.
    timer = remaining > 1 ? setTimeout(deliver, Math.floor(remaining)) : setImmediate(deliver);
  };
  const deliver = () => {
    timer = undefined;
    while (queue.length > 0) {
      const wait = queue[0].due - performance.now();
      if (wait > EXACT_STRETCH_MILLIS) return schedule();
      if (wait > 0) Atomics.wait(neverNotified, 0, 0, wait);
      const { chunk } = queue.shift();
      if (chunk) to.write(chunk);
      else to.end();
    }
  };
  const add = (chunk) => {
    queue.push({ chunk, due: performance.now() + delayMillis });
    if (timer === undefined && queue.length === 1) timer = setImmediate(schedule);
  };
  from.on('data', add);
  from.on('end', () => add(null));
  from.on('close', () => to.destroyed || add(null));
  from.on('error', () => to.destroy()); // a reset on one side is the end of the other
}

const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
  const upstream = net.connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
  delay(client, upstream);
  delay(upstream, client);
});

server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume().on('end', () => process.exit(0));
