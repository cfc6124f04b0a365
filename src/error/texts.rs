//! The texts of all errors made in Rust, in one place.
//!
//! Nothing is decided by them: that is what the kind, the phase and the code of an [`Error`](super::Error) are for.
//! Where node-postgres has words for a failure they are kept to the letter, because programs have always matched on
//! them.

use std::fmt::Display;
use std::time::Duration;

use super::phase::Phase;

// Connections that are gone, in node-postgres's words.

/// This side closed it.
pub const TERMINATED: &str = "Connection terminated";
/// The other side closed it, or the network did.
pub const UNEXPECTED_END: &str = "Connection terminated unexpectedly";
/// Of a request that comes behind the end.
pub const NOT_QUERYABLE: &str = "Client has encountered a connection error and is not queryable";
/// Of a request that comes behind `end`.
pub const CLIENT_CLOSED: &str = "Client was closed and is not queryable";
/// Of a request that comes behind `end` of its pool.
pub const POOL_ENDED: &str = "Cannot use a pool after calling end on the pool";
/// A pool had no connection for so long.
pub const WAITED_TOO_LONG: &str = "timeout exceeded when trying to connect";

// Failures of pgfleet itself.

/// Reading has panicked.
pub const READING_FAILED: &str = "pgfleet failed while it read an answer; the connection was closed.";
/// Handing records to JavaScript has panicked.
pub const DELIVERY_FAILED: &str =
    "pgfleet failed while it handed over an answer, which is lost; the query may have run.";
/// Making requests of JavaScript's has panicked.
pub const HANDING_OVER_FAILED: &str = "pgfleet failed while it sent a query, which is lost; the query may have run.";
/// An operation has panicked.
pub const OPERATION_FAILED: &str = "pgfleet failed in the middle of this work; look for what it has done.";
/// Making a connection has panicked.
pub const OPENING_FAILED: &str = "pgfleet failed while it opened a connection; try again.";
/// Telling that a connection is there has panicked.
pub const LENDING_FAILED: &str = "pgfleet failed while it handed a connection over; try again.";
/// Giving a request to its connection has panicked.
pub const SENDING_FAILED: &str = "pgfleet failed while it sent a request; the connection was closed.";

/// The task that tried one of several addresses has panicked.
pub fn dialing_failed(panic: impl Display) -> String {
    format!("connecting failed: {panic}")
}

/// The runtime has no threads.
pub fn no_threads(code: &str, advice: &str) -> String {
    format!("pgfleet could not start its threads: {code}{advice}")
}

// Scripts that aren't looked at any further.

/// A script holds a command of psql's.
pub fn psql_command(name: &str, line: usize) -> String {
    format!(
        "{name} in line {line} is a command of psql, not SQL, so nothing was run. \
         Take it out of the script, or run the script with psql."
    )
}

/// A statement would take the parser too deep.
pub fn nested_too_deep(line: usize, most: usize) -> String {
    format!(
        "The statement in line {line} is nested too deep to be analysed: {most} brackets, CASE expressions and the \
         like may stand inside each other. Take it apart."
    )
}

// The way to a server.

/// The settings name no host.
pub const NO_HOST: &str = "No host to connect to was given.";
/// The settings name a Unix socket.
pub const NO_UNIX_SOCKETS: &str = "Unix sockets do not exist on this platform.";
/// What to do when this process has no descriptors, behind another text.
pub const PROCESS_SHORTAGE: &str =
    "; this process may not open more files: raise its limit (ulimit -n), or use fewer connections";
/// What to do when the system has no descriptors, behind another text.
pub const SYSTEM_SHORTAGE: &str = "; the system has no more files to open: raise its limit, or use fewer connections";
/// A socket is on no event loop any more.
pub const SOCKET_LOST: &str = "the socket was lost on its way to another event loop";
/// Why a name was not looked up, behind another text.
pub const NO_THREAD_FOR_LOOKUP: &str = "; the system has no thread for it";

/// A system call failed, as Node says it: `connect ECONNREFUSED 127.0.0.1:5432`.
pub fn system_call(call: &str, code: &str, target: &str, advice: &str) -> String {
    let space = if target.is_empty() { "" } else { " " };
    format!("{call} {code}{space}{target}{advice}")
}

/// Several addresses were tried.
pub fn all_of<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Vec<_>>().join("; ")
}

/// The time to connect ran out in this phase.
pub fn connect_timeout(host: &str, port: u16, limit: Duration, phase: Phase) -> String {
    let doing = match phase {
        Phase::Wait => "waiting for a free connection",
        Phase::Connect => "connecting",
        Phase::Tls => "negotiating TLS",
        Phase::Authenticate => "authenticating",
        Phase::Query => "waiting for an answer",
    };
    format!("No connection to {host}:{port} within {} ms: the time ran out while {doing}.", limit.as_millis())
}

// Finding the pooler of a Supabase project.

/// No pooler said whether it knows a project.
pub fn probe_timeout(host: &str, limit: Duration) -> String {
    format!("{host} did not say within {} ms whether it knows the project", limit.as_millis())
}

/// The time of a login has run out.
pub fn login_timeout(host: &str) -> String {
    format!("The login at {host} was not over in its time")
}

/// The time ran out before a pooler was found.
pub fn search_timeout(project: &str, limit: Duration) -> String {
    format!(
        "The pooler of the project {project} was not found within {} ms. The search goes on, and the next attempt has \
         what it finds. Give the project's region, with which it takes about a second, or a larger \
         connectionTimeoutMillis.",
        limit.as_millis()
    )
}

/// Searching has panicked.
pub const SEARCH_FAILED: &str = "pgfleet failed while it searched for a project's pooler; try again.";
/// Nobody waits for a search any more.
pub const SEARCH_GIVEN_UP: &str = "The search for the project's pooler was given up.";
/// Behind the failed look-up of a host.
pub const NO_POOLER_HAS_AN_ADDRESS: &str = ": no pooler that the project may have has an address";

/// No pooler knows a project; of some, as many as `failed` says, that isn't known, for such a reason.
pub fn project_unknown(user: &str, hosts: usize, regions: usize, failed: Option<(usize, &str)>) -> String {
    let counted = |count: usize, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
    let asked = format!("{} of {}", counted(hosts, "pooler", "poolers"), counted(regions, "region", "regions"));
    let failed =
        failed.map_or(String::new(), |(count, reason)| format!(" {count} more could not be asked ({reason})."));
    format!(
        "Tenant or user not found: {user}. This is the answer of {asked}, which were asked without a password.{failed}"
    )
}

/// What to do where no pooler knows a project.
pub fn project_unknown_hint(project: &str, region: Option<&str>) -> String {
    let elsewhere = match region {
        Some(region) => format!(", and that the project is in {region}"),
        None => String::new(),
    };
    format!(
        "Check that \"{project}\" is the project's ref{elsewhere}. A paused project has to be restored first, and \
         poolers know a new or restored one after up to 15 minutes. They are asked again after a minute at the earliest."
    )
}

/// What to do where no pooler has an address.
pub fn no_pooler_hint(region: Option<&str>, cluster: Option<&str>) -> String {
    match (region, cluster) {
        (Some(region), Some(cluster)) => {
            format!("Check that {region} is a region and {cluster} a cluster of Supabase, or leave both out.")
        }
        (Some(region), None) => format!("Check that {region} is a region of Supabase, or leave it out."),
        (None, Some(cluster)) => format!("Check that {cluster} is a cluster of Supabase, or leave it out."),
        (None, None) => "Check that this machine can look up public host names.".to_owned(),
    }
}

/// No pooler could be asked for a project; one of them for such a reason.
pub fn no_pooler_reached(project: &str, hosts: usize, reason: &str) -> String {
    format!("No pooler could be asked for the project {project}: {hosts} failed, for example with: {reason}")
}

// Opening connections to poolers.

/// A connection is opened for nobody any more.
pub const NOT_AWAITED: &str = "Nobody waits for the connection any more.";

/// A password that was refused isn't tried again for so long.
pub fn not_tried_again(rest: Duration) -> String {
    let seconds = rest.as_millis().div_ceil(1000);
    format!(
        "The server gave this answer before. It was not asked again, and will not be with this password for another \
         {seconds} s, because each failed login counts towards being shut out."
    )
}

/// A pooler that couldn't learn what a role's password is isn't asked again for so long.
pub fn not_looked_up_again(rest: Duration) -> String {
    let seconds = rest.as_millis().div_ceil(1000);
    format!(
        "The pooler gave this answer before. It was not asked again, and will not be for another {seconds} s, because a \
         few such answers shut the whole project out."
    )
}

/// A server asks for the password as it is.
pub const PASSWORD_WITHHELD: &str = "The server asks for the password in the clear. It is told only to one whose certificate is verified: \
     use TLS with verification (ssl: 'verify-full').";

/// A server asks for the password as it is, and isn't trusted; `why` is the error of TLS.
pub fn cleartext_unverified(why: &str) -> String {
    format!(
        "The pooler asks for the password in the clear (temporary access), so it is told only to a server whose \
         certificate is verified, and that failed: {why}"
    )
}

/// A startup parameter has to be a session's own.
pub fn not_in_transaction_mode(name: &str) -> String {
    format!(
        "\"{name}\" can't be kept in transaction mode: the pooler drops it, and each transaction may run in another \
         session. Set it for the role (ALTER ROLE … SET {name} = …), use SET LOCAL inside transactions, or connect in \
         session mode (port 5432)."
    )
}

/// A text begins another transaction, which would not have the settings of the configuration.
pub fn transaction_without_settings(name: &str) -> String {
    format!(
        "\"{name}\" is set at the beginning of each transaction here, since the pooler in transaction mode drops it, and a \
         transaction that begins behind COMMIT or ROLLBACK in the same text, or by AND CHAIN, would not have it. Nothing \
         was sent. Send each transaction in a query of its own, or connect in session mode (port 5432)."
    )
}

/// Poolers have no replication connections.
pub const NO_REPLICATION: &str =
    "\"replication\" is impossible through the pooler: connect to the project's own host (db.<ref>.supabase.co).";

/// The packet with the startup parameters; `longest` is the first to be shortened.
pub fn startup_too_large(size: usize, most: usize, longest: &str) -> String {
    format!("The startup parameters take {size} bytes, and the pooler reads {most}: shorten \"{longest}\".")
}

/// A parameter that was set in the session, and isn't what was set.
pub fn parameter_not_held(name: &str, wanted: &str, is: &str) -> String {
    format!(
        "\"{name}\" was set to '{wanted}' after connecting, since a pooler on the way had dropped it, but the session has \
         '{is}'. Set it for the role (ALTER ROLE … SET {name} = …), or connect to the server directly."
    )
}

/// The server is of the wrong `kind`.
pub fn wrong_session(host: &str, kind: &str) -> String {
    format!("The server {host} is {kind}, which target_session_attrs does not accept.")
}

/// No program is left that could answer a question.
pub fn no_responder(to_do: &str) -> String {
    format!("No client or pool is left to {to_do}.")
}

/// The program didn't answer a question in time.
pub fn took_too_long(to_do: &str) -> String {
    format!("The program took too long to {to_do}.")
}

/// A cancel request was not accepted in time.
pub fn cancel_unanswered(limit: Duration) -> String {
    format!("The server took no note of a cancel request within {} ms; it may still do so.", limit.as_millis())
}

/// A query of Rust's own was not answered in time.
pub fn answer_too_late(limit: Duration) -> String {
    format!("The server did not answer within {} ms; the connection was closed.", limit.as_millis())
}

// TLS.

/// The server refused TLS, in node-postgres's words.
pub const NO_TLS: &str = "The server does not support SSL connections";
/// The server said something else than yes or no, in node-postgres's words.
pub const TLS_REQUEST_FAILED: &str = "There was an error establishing an SSL connection";
/// Of a second socket to the same server.
pub const OTHER_CERTIFICATE: &str = "The server shows another certificate than the one that was accepted.";
/// `ssl.ca`, before a reason.
pub const UNREADABLE_ROOTS: &str = "ssl.ca holds a certificate that cannot be read";
/// `ssl.cert` and `ssl.key`, before a reason.
pub const UNREADABLE_IDENTITY: &str = "ssl.cert or ssl.key cannot be read (PEM; the key as PKCS #8)";
/// `ssl.pfx`, before a reason.
pub const UNREADABLE_ARCHIVE: &str = "ssl.pfx cannot be read (PKCS #12; with ssl.passphrase, if it is encrypted)";
/// The library refuses the settings, before a reason.
pub const TLS_SETUP: &str = "TLS could not be set up";
/// Why the library refuses the settings.
pub const LONG_PROTOCOL_NAME: &str = "a name in ssl.ALPNProtocols is too long";

/// What goes wrong, and why.
pub fn because(what: &str, reason: &str) -> String {
    format!("{what}: {reason}")
}

/// OpenSSL doesn't take the text of an option.
pub fn unknown_words(option: &str, reason: impl Display) -> String {
    format!("\"ssl.{option}\" is not understood: {reason}")
}

/// The platform's library has no such option.
pub fn unsupported_option(option: &str) -> String {
    format!("\"ssl.{option}\" is not supported on this platform, whose own TLS library has no such option")
}

/// The server's key exchange is weaker than allowed.
pub fn short_dh_parameter(bits: u32, least: u32) -> String {
    format!("the server's Diffie-Hellman parameter has {bits} bits, ssl.minDHSize asks for {least}")
}

/// The certificate is for another name.
pub fn other_name(name: &str) -> String {
    format!(
        "Hostname/IP does not match certificate's altnames: the server's certificate is not for \"{name}\". \
         Connect by a name that is in it, or set ssl.servername to one."
    )
}

/// The certificate is not trusted, for a `reason` in Node's words.
pub fn not_trusted(reason: &str) -> String {
    format!(
        "{reason}: the server's certificate is not trusted. Pass the certificate of its authority as ssl.ca (or \
         sslrootcert), or, for development only, ssl: {{ rejectUnauthorized: false }}."
    )
}

/// The two sides have no TLS in common.
pub fn tls_failed(reason: &str) -> String {
    format!("TLS with the server failed: {reason}")
}

// Logging in.

/// A password that can't be sent.
pub const NULL_IN_PASSWORD: &str = "The password contains a null byte.";
/// The same of its hash.
pub const PASSWORD_NOT_SENT: &str = "The password cannot be sent.";
/// Before the first query.
pub const LONG_LOGIN: &str = "The server sent more than 1 MB before it was ready for queries, which PostgreSQL never \
    does; the connection was closed.";
/// A step of SASL without the one before it.
pub const SASL_OUT_OF_ORDER: &str = "The server's SASL messages are out of order.";
/// SASL was asked for twice.
pub const SASL_TWICE: &str = "SASL: duplicate SASL authentication request";
/// The server never proved that it knows the password.
pub const SASL_WITHOUT_PROOF: &str = "SASL: the server let us in without proving that it knows the password";
/// In node-postgres's words.
pub const SASL_NO_INITIAL_RESPONSE: &str = "SASL: Last message was not SASLInitialResponse";
/// In node-postgres's words.
pub const SASL_NO_RESPONSE: &str = "SASL: Last message was not SASLResponse";
/// In node-postgres's words.
pub const SASL_NO_MECHANISM: &str = "SASL: Only mechanism(s) SCRAM-SHA-256 are supported";
/// In node-postgres's words.
pub const SASL_INVALID_PAIR: &str = "SASL: Invalid attribute pair entry";
/// Of SCRAM's first message.
pub const NO_PASSWORD: &str = "client password must be a string";
/// Of SCRAM's first message.
pub const EMPTY_PASSWORD: &str = "client password must be a non-empty string";
/// Of SCRAM's first message.
pub const NO_NONCE: &str = "nonce missing";
/// Of SCRAM's first message.
pub const UNPRINTABLE_NONCE: &str = "nonce must only contain printable characters";
/// Of SCRAM's first message.
pub const FOREIGN_NONCE: &str = "server nonce does not start with client nonce";
/// Of SCRAM's first message.
pub const SHORT_NONCE: &str = "server nonce is too short";
/// Of SCRAM's first message.
pub const NO_SALT: &str = "salt missing";
/// Of SCRAM's first message.
pub const INVALID_SALT: &str = "salt must be base64";
/// Of SCRAM's first message.
pub const NO_ITERATIONS: &str = "iteration missing";
/// Of SCRAM's first message.
pub const INVALID_ITERATIONS: &str = "invalid iteration count";
/// Of SCRAM's last message.
pub const NO_SIGNATURE: &str = "server signature is missing";
/// Of SCRAM's last message.
pub const INVALID_SIGNATURE: &str = "server signature must be base64";
/// Of SCRAM's last message.
pub const WRONG_SIGNATURE: &str = "server signature does not match";
/// `channel_binding` without TLS, in libpq's words.
pub const BINDING_WITHOUT_TLS: &str = "channel binding required, but SSL not in use";
/// `channel_binding`, in libpq's words.
pub const BINDING_NOT_OFFERED: &str =
    "channel binding is required, but server did not offer an authentication method that supports channel binding";
/// `channel_binding`, and a certificate for which there is none.
pub const BINDING_UNDEFINED: &str = "channel binding is required, and none is defined for the server's certificate, \
    whose signature names no hash function (RFC 5929); Ed25519 and Ed448 are such signatures";
/// `channel_binding`, in libpq's words.
pub const BINDING_LEFT_OUT: &str = "channel binding required, but server authenticated client without channel binding";
/// `channel_binding`, in libpq's words.
pub const BINDING_UNSUPPORTED: &str = "channel binding required but not supported by server's authentication request";

/// What came in place of an allowed method, for [`method_refused`].
pub const UNFINISHED_REQUEST: &str = "server did not complete authentication";
/// What came in place of an allowed method, for [`method_refused`].
pub const CLEARTEXT_REQUEST: &str = "server requested a cleartext password";
/// What came in place of an allowed method, for [`method_refused`].
pub const HASH_REQUEST: &str = "server requested a hashed password";
/// What came in place of an allowed method, for [`method_refused`].
pub const SASL_REQUEST: &str = "server requested SASL authentication";

/// A startup parameter that the protocol can't carry.
pub fn startup_not_sent(reason: impl Display) -> String {
    format!("A startup parameter cannot be sent: {reason}.")
}

/// An AuthenticationRequest for a method that isn't supported.
pub fn unknown_method(number: i32) -> String {
    format!(
        "The server asks for an authentication method that is not supported (number {number}); use scram-sha-256, md5 \
         or password."
    )
}

/// `require_auth`, in libpq's words.
pub fn method_refused(allowed: &str, request: &str) -> String {
    format!("authentication method requirement \"{allowed}\" failed: {request}")
}

/// The server's first message of SCRAM is wrong, in node-postgres's words.
pub fn scram_first(reason: &str) -> String {
    format!("SASL: SCRAM-SERVER-FIRST-MESSAGE: {reason}")
}

/// The server's last message of SCRAM is wrong, in node-postgres's words.
pub fn scram_last(reason: &str) -> String {
    format!("SASL: SCRAM-SERVER-FINAL-MESSAGE: {reason}")
}

/// The server's word for why it refuses.
pub fn scram_refusal(word: &str) -> String {
    format!("server returned error: \"{word}\"")
}

/// More work than the settings allow.
pub fn too_many_iterations(asked: &str, most: u32) -> String {
    format!("iteration count {asked} exceeds scramMaxIterations of {most}")
}

/// The system gives no random bytes.
pub fn no_random_bytes(reason: impl Display) -> String {
    format!("SASL: no random bytes: {reason}")
}

// What can't be sent.

/// Why a message is not sent.
pub const TOO_LARGE: &str = "PostgreSQL takes messages of less than 1 GB";
/// Why a message is not sent.
pub const EMBEDDED_NULL: &str = "string contains embedded null";

/// A query that the protocol can't carry.
pub fn query_not_sent(reason: impl Display) -> String {
    format!("The query cannot be sent: {reason}.")
}

/// COPY data that the protocol can't carry.
pub fn copy_data_not_sent(reason: &str) -> String {
    format!("A piece of COPY data cannot be sent: {reason}.")
}

/// More values than the protocol can count.
pub fn too_many_values(most: usize, given: usize) -> String {
    format!("A query can have at most {most} values, and this one has {given}. Pass arrays and use unnest() instead.")
}

/// A name that stands for another text already, in node-postgres's words.
pub fn statement_not_unique(name: &str) -> String {
    format!("Prepared statements must be unique - '{name}' was used for a different statement")
}

// What a pooler in transaction mode would break.

/// In place of LISTEN.
pub const INSTEAD_OF_LISTEN: &str = "LISTEN on a connection in session mode";
/// In place of a setting of the session.
pub const INSTEAD_OF_SET: &str = "use SET LOCAL or set_config(..., true) inside a transaction, or ALTER ROLE ... SET";
/// In place of a session's advisory lock.
pub const INSTEAD_OF_ADVISORY_LOCK: &str =
    "use pg_advisory_xact_lock or pg_try_advisory_xact_lock, which the end of the transaction gives back";
/// In place of a temporary object.
pub const INSTEAD_OF_TEMPORARY: &str = "create a table with ON COMMIT DROP inside a transaction";
/// In place of PREPARE.
pub const INSTEAD_OF_PREPARE: &str = "give the query a name, or just its text, and leave preparing to the driver";
/// In place of WITH HOLD.
pub const INSTEAD_OF_HOLD: &str = "declare the cursor without it and read it inside its transaction";
/// In place of LOAD.
pub const INSTEAD_OF_LOAD: &str = "have the server load the library (session_preload_libraries)";

/// A statement was not sent; `way_out` is what to do in its place.
pub fn transaction_mode(statement: &str, way_out: &str) -> String {
    format!(
        "{statement} keeps something in its session beyond the transaction, and the pooler on this connection is in \
         transaction mode: it would be left to other clients. Nothing was sent. Either {way_out}, or connect in session \
         mode (Supabase: port 5432). poolMode: 'session' has it sent all the same."
    )
}

// Bytes that are not PostgreSQL.

/// The end of a body comes before its last field.
pub const TRUNCATED: &str = "The server sent a message that ends too early; the connection was closed.";
/// A text that no server has.
pub const LONG_NAME: &str = "The server sent a name of more than 256 MB; the connection was closed.";
/// A ReadyForQuery.
pub const UNKNOWN_STATUS: &str = "The server said that it is ready without a known status; the connection was closed.";
/// A ReadyForQuery without an answer before it.
pub const READY_TOO_EARLY: &str =
    "The server said that it is ready before it had answered the query; the connection was closed.";
/// A RowDescription.
pub const NEGATIVE_COLUMNS: &str =
    "The server described a row with a negative number of columns; the connection was closed.";
/// A DataRow.
pub const OTHER_COLUMNS: &str = "The server sent a row with other columns than it had announced.";
/// A DataRow.
pub const BYTES_BEHIND_ROW: &str = "The server sent a row with bytes behind its last value.";
/// A value in binary format.
pub const WRONG_BINARY_LENGTH: &str = "The server sent a binary value that has not the length of its type.";
/// The answer to a query of Rust's own.
pub const LONG_ANSWER: &str = "The server's answer to a short question is longer than any such answer.";
/// The answer to `SELECT version()`.
pub const NO_VERSION: &str = "The server answered SELECT version() without a version.";
/// What was sent, for [`never_sent`].
pub const EXCESS_ROWS: &str = "more rows than were asked for";
/// What was sent, for [`never_sent`].
pub const UNDESCRIBED_ROW: &str = "a row without a description";
/// What was sent, for [`never_sent`].
pub const ENDLESS_TAG: &str = "a command tag without an end";

/// Something that isn't part of the protocol at all.
pub fn never_sent(what: &str) -> String {
    format!("The server sent {what}, which PostgreSQL never does; the connection was closed.")
}

/// What was sent, for [`never_sent`].
pub fn message_of(tag: u8) -> String {
    format!("a message of type '{}'", char::from(tag))
}

/// A message at a point where it isn't allowed.
pub fn out_of_place(tag: u8) -> String {
    format!("The server sent {} where it has no place; the connection was closed.", message_of(tag))
}

/// A message whose length can't be.
pub fn impossible_length(tag: u8, length: i32) -> String {
    format!("The server sent {} with the impossible length {length}; the connection was closed.", message_of(tag))
}

/// A byte that begins no message, in node-postgres's words.
pub fn unknown_tag(tag: u8) -> String {
    format!("received invalid response: {tag:x}")
}

/// A message although nothing was asked, in node-postgres's words; `name` is what it has there.
pub fn unasked(name: &str) -> String {
    format!("Received unexpected {name} message from backend.")
}

/// The same of one that has no name there.
pub fn unasked_tag(tag: u8) -> String {
    format!("Received unexpected message '{}' from backend.", char::from(tag))
}

/// A value that isn't of its column's type.
pub fn not_of_type(expected: &str) -> String {
    format!("The server sent a value that is not {expected} in a column of that type.")
}

// Pools.

/// The queue is full.
pub fn pool_is_busy(most: usize) -> String {
    format!("The pool is busy and {most} requests wait already (maxWaiting); try again later.")
}

/// Of a second `connect`, which a client of a pool never needs.
pub const POOLED_IS_OPEN: &str = "A pooled connection is open already.";
/// A pool that ends has nothing to lend.
pub const NOTHING_LENT: &str = "The pool gave no connection.";
/// Why an idle connection is not used again.
pub const NOT_AT_REST: &str = "the connection is in the middle of something";

// Scripts.

/// The caller aborted a script.
pub const SCRIPT_ABORTED: &str = "The script was aborted";
/// What COMMIT does behind a failure that went unnoticed.
pub const COMMIT_ROLLED_BACK: &str = "The server answered COMMIT with ROLLBACK: the transaction had failed before";
/// Why an outcome is unknown.
pub const NO_CONNECTION_IN_TIME: &str = "no connection could be made in time";
/// Why an outcome is unknown.
pub const UNIDENTIFIED: &str = "the server had not said by then which transaction it ran in";
/// Why an outcome is unknown.
pub const STILL_OPEN: &str = "its transaction is still open on the server";
/// Why an outcome is unknown.
pub const STANDBY_ANSWERS: &str = "the server that answers is a standby";
/// Why an outcome is unknown.
pub const STARTED_ANEW: &str = "the server was started anew, and may have given the transaction's id to another one";
/// Why an outcome is unknown.
pub const NOT_REMEMBERED: &str = "the server remembers nothing of its transaction";

/// Why an outcome is unknown.
pub fn inquiry_failed(reason: &str) -> String {
    format!("the server could not be asked: {reason}")
}

/// A script that was lost on the way to being committed.
pub fn commit_unknown(loss: &str, reason: &str) -> String {
    format!(
        "{}. Whether the script was committed is unknown, because {}. Look for its effects before it is run again.",
        loss.trim_end_matches('.'),
        reason.trim_end_matches('.')
    )
}

/// A statement that can't run in a transaction.
pub fn outside_transaction(statement: &str) -> String {
    format!(
        "{statement} cannot run inside a transaction block, so nothing was sent. Run it by itself with \
         executeDDL(sql, false), or leave it to {{ transaction: 'auto' }}."
    )
}

/// In the server's words.
pub const LOCK_NOT_HAD: &str = "canceling statement due to lock timeout";
/// There was no time to wait for it.
pub const INDEX_IS_BEING_BUILT: &str = "another process is building the index";
/// It would have to be known what to undo.
pub const SETTINGS_NOT_TOLD: &str = "The server didn't say which settings there are.";
/// Behind a pooler in transaction mode.
pub const SETTINGS_NOT_UNDONE: &str = "The server refused to undo what the script had set for its session, which a \
    pooler in transaction mode would have left to other clients, so the script was rolled back. Use SET LOCAL in it.";
/// It would have to be known whether two indexes are the same.
pub const DEFINITION_NOT_TOLD: &str = "the server didn't say how it would be defined";

/// The detail of a lock that wasn't granted; `blockers` is a sentence, or empty.
pub fn waited_for_locks(waited: Duration, attempts: u32, blockers: &str) -> String {
    let tries = if attempts == 1 { "one try".to_owned() } else { format!("{attempts} tries") };
    let blocked = if blockers.is_empty() { String::new() } else { format!(" In the way: {blockers}.") };
    format!("Waited {} ms for locks in {tries}.{blocked}", waited.as_millis())
}

/// A limit that the server has taken and doesn't have.
pub fn limit_not_held(name: &str, wanted: &str, is: &str) -> String {
    format!(
        "{name} was set to {wanted} ms for the transaction, but the server (or a pooler before it) says '{is}', so nothing \
         was run. Connect to the server directly, or leave the limit out."
    )
}

/// The name of an index is taken.
pub fn index_of_another_table(name: &str, definition: &str) -> String {
    taken(name, &format!("is an index of another table: {definition}"))
}

/// The name of an index is taken.
pub fn index_of_another_definition(name: &str, definition: &str) -> String {
    taken(name, &format!("has another definition: {definition}"))
}

/// The name of an index is taken, perhaps by the same one.
pub fn index_not_comparable(name: &str, definition: &str, why: &impl Display) -> String {
    taken(name, &format!("can't be compared with the wanted one ({why}): {definition}"))
}

fn taken(name: &str, what: &str) -> String {
    format!("The index {name} exists and {what}. Drop it, or give the new one another name.")
}
