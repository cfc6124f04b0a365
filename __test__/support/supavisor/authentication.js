'use strict';

const messages = require('../backend-messages.js');
const { ClientLeft, Refusal } = require('./refusal.js');
const { ScramServer } = require('./scram.js');

const PASSWORD_MESSAGE = 'p';

/**
 * Asks for the password and looks at it. A client that goes away before it has sent one has done nothing wrong; whatever
 * else goes wrong here is counted as a failure.
 *
 * @param {import('./message-socket.js').MessageSocket} client
 * @param {import('./login.js').Login} login
 */
async function authenticate(client, login) {
  const { tenant, entry, cluster } = login;
  const blockable = [tenant.ref, entry.address];
  if (cluster.breakers.isOpen('auth_error', ...blockable)) {
    throw Refusal.of(
      'ECIRCUITBREAKER',
      { operation: 'auth_error' },
      { older: cluster.older, isDelayed: true },
    );
  }
  const inTheClear = tenant.jit && client.encrypted;
  entry.asked = inTheClear ? 'cleartext' : 'SASL';
  try {
    await (inTheClear ? takePassword(client, login) : takeProof(client, login));
  } catch (error) {
    if (error instanceof Refusal) cluster.breakers.fail('auth_error', ...blockable);
    throw error;
  }
}

async function takePassword(client, login) {
  const { tenant, startup, entry } = login;
  client.send(messages.authenticationCleartext());
  const { body } = await answer(client, login);
  entry.proofs += 1;
  entry.cleartext += 1;
  checkRole(login);
  if (body.at(-1) !== 0) throw Refusal.of('EAUTHPROTOCOL');
  if (body.subarray(0, -1).toString() !== tenant.passwordOf(startup.role)) throw wrongPassword(login);
}

async function takeProof(client, login) {
  const { tenant, startup, entry } = login;
  client.send(messages.authenticationSasl('SCRAM-SHA-256'));
  const scram = new ScramServer(tenant.passwordOf(startup.role));
  const first = scram.first((await answer(client, login)).body);
  if (first === null) throw Refusal.of('EAUTHPROTOCOL');
  checkRole(login);
  const refused = tenant.refuse(startup, 'credentials');
  if (refused) throw Refusal.from(refused);
  client.send(messages.authenticationSaslContinue(first));
  const { body } = await answer(client, login);
  entry.proofs += 1;
  const final = scram.final(body);
  if (final === null) throw Refusal.of('EAUTHPROTOCOL');
  if (final === false) throw wrongPassword(login);
  client.send(messages.authenticationSaslFinal(final));
}

/** The pooler asks the database for the role's secret; for a role that isn't there that fails. */
function checkRole({ tenant, startup, cluster }) {
  if (cluster.breakers.isOpen('get_secrets', tenant.ref)) {
    throw Refusal.of('ECIRCUITBREAKER', { operation: 'get_secrets' }, { isDelayed: true });
  }
  if (tenant.passwordOf(startup.role) !== undefined) return;
  cluster.breakers.fail('get_secrets', tenant.ref);
  throw Refusal.of('EAUTHQUERY');
}

function wrongPassword({ tenant, startup }) {
  tenant.refusedPassword(startup.role);
  return Refusal.of('EWRONGPASSWORD', { user: startup.role }, { isDelayed: true });
}

/** The client's next message, which has to be an answer to the authentication request. */
async function answer(client, { cluster }) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const timeout = new Promise((resolve) => {
    timer = setTimeout(resolve, cluster.millis.message, 'timeout');
  });
  const message = await Promise.race([client.read(), timeout]);
  clearTimeout(timer);
  if (message === 'timeout') throw Refusal.of('EAUTHTIMEOUT');
  if (message === null) throw new ClientLeft('probe');
  // Terminate too: only a client that just closes has done nothing wrong.
  if (message.type !== PASSWORD_MESSAGE) throw Refusal.of('EAUTHPROTOCOL');
  return message;
}

module.exports = { authenticate };
