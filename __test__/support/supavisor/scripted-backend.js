'use strict';

const messages = require('../backend-messages.js');

const ANSWERS = {
  Q: () => messages.oneRow(),
  P: () => messages.parseComplete(),
  B: () => messages.bindComplete(),
  D: () => messages.rowDescription('value'),
  E: () => Buffer.concat([messages.dataRow('1'), messages.commandComplete('SELECT 1')]),
  C: () => messages.message('3'),
  S: () => messages.readyForQuery(),
};

/** Stands where a Backend would, without a server: answers every query with one row, `1`. */
class ScriptedBackend {
  onMessage = /** @type {(message: import('./message-socket.js').Message) => void} */ (() => {});
  onClose = () => {};
  parameters = { server_version: '17.0', client_encoding: 'UTF8', standard_conforming_strings: 'on' };
  status = 'I';
  isOpen = true;

  /** @param {...Buffer} buffers whole messages */
  send(...buffers) {
    for (const bytes of buffers) {
      const answer = ANSWERS[String.fromCharCode(bytes[0])]?.();
      if (answer) setImmediate(() => this.#deliver(answer));
    }
  }

  async run() {
    return true;
  }

  async cancel() {}

  end() {
    this.isOpen = false;
  }

  #deliver(bytes) {
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + bytes.readInt32BE(at + 1);
      const message = bytes.subarray(at, end);
      this.onMessage({ type: String.fromCharCode(bytes[at]), body: message.subarray(5), bytes: message });
      at = end;
    }
  }
}

module.exports = { ScriptedBackend };
