//! What the caller of an exclusive exchange sends while it is under way: raw bytes, requests for pages of a portal,
//! COPY data.

use super::connection::Connection;
use super::notes::Note;
use super::reply::Reply;
use super::state::{Inner, Life, UNSENT_LIMIT};
use crate::error::Error;
use crate::wire::frontend;

impl Connection {
    /// Bytes for the raw exchange that is under way; `reply` is answered when there is room for more.
    pub fn raw_write(&self, bytes: &[u8], reply: Reply) {
        let written = {
            let mut inner = self.lock();
            if inner.life == Life::Open {
                inner.write_raw(bytes);
                inner.flush();
            }
            if inner.out.len() > UNSENT_LIMIT && inner.life == Life::Open {
                inner.drained.push((reply, Note::Done));
                None
            } else {
                Some(reply)
            }
        };
        self.tell_all(written.map(|reply| (reply, Note::Done)).into_iter().collect());
    }

    /// Asks for the next page of the portal under way.
    pub fn read_portal(&self, rows: i32) {
        let mut inner = self.lock();
        let Inner { exchange, out, .. } = &mut *inner;
        let Some(portal) = exchange.portal() else { return };
        // The name was accepted when the portal was opened.
        let _ = frontend::execute(&portal.name, rows, out);
        // As in the protocol, 0 is all.
        portal.asked = u64::try_from(rows).ok().filter(|rows| *rows > 0).unwrap_or(u64::MAX);
        frontend::flush(out);
        inner.flush();
    }

    /// Closes the portal under way; the exchange ends with the ReadyForQuery that this brings.
    pub fn close_portal(&self) {
        let mut inner = self.lock();
        inner.sync_portal(true);
        inner.flush();
    }

    /// COPY data for the server, as one message. False asks to wait until [`Record::Drained`].
    ///
    /// # Errors
    /// The message would be larger than the protocol allows.
    pub fn copy_write(&self, parts: &[&[u8]]) -> Result<bool, Error> {
        let mut inner = self.lock();
        let Some(reply) = inner.exchange.copy().cloned().filter(|_| parts.iter().any(|part| !part.is_empty())) else {
            return Ok(true);
        };
        frontend::copy_data(parts, &mut inner.out)?;
        inner.flush();
        if inner.out.len() <= UNSENT_LIMIT {
            return Ok(true);
        }
        inner.drained.push((reply, Note::Drained));
        Ok(false)
    }

    /// The end of the COPY data, or the reason why there is no more.
    pub fn copy_end(&self, failure: Option<&str>) {
        let mut inner = self.lock();
        if inner.exchange.copy().is_some() {
            match failure {
                None => frontend::copy_done(&mut inner.out),
                // A null byte would be refused; the server gets a reason without it then.
                Some(reason) => {
                    let _ = frontend::copy_fail(&reason.replace('\0', ""), &mut inner.out);
                }
            }
            inner.flush();
        }
    }

    /// Stops or restarts reading, for the raw exchange that is under way.
    pub fn pause(&self, paused: bool) {
        let mut inner = self.lock();
        inner.exchange.pause(paused);
        inner.wake();
    }
}
