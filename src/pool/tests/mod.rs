//! Pools on servers that play scripts, through what a pool offers: each way of using one, each fault, each await.

mod counts;
mod second_tries;
mod shortage;

use std::sync::Arc;
use std::time::Duration;

use super::Pool;
use crate::config::{PoolSettings, Sharing};
use crate::conn::message::Message;
use crate::conn::scripted::{Receiver, Server, settle, tasks};
use crate::conn::{KnownText, Request};

const AN_HOUR: Duration = Duration::from_secs(3600);

/// Of a pool of so many connections, where reads share.
fn sharing(max: usize) -> PoolSettings {
    PoolSettings { max, pipeline_depth: 64, sharing: Sharing::Reads, ..PoolSettings::of_one() }
}

/// A query of the pool's own queue.
fn query(receiver: &Arc<Receiver>, number: i32, text: &str, known: Option<&Arc<KnownText>>) -> Request {
    let mut reply = receiver.reply(number);
    reply.unordered = true;
    Request { message: Message::Simple(text.into()), reply, may_prepare: false, known: known.cloned() }
}

/// Connections of a pool: all, idle ones, and requests that wait for one.
fn counts(pool: &Pool) -> [usize; 3] {
    [pool.total_count(), pool.idle_count(), pool.waiting_count()]
}

/// Ends a pool, which has to succeed, and makes sure that nothing is left of it.
async fn assert_ends(pool: Pool, server: &Server, context: &str) {
    let receiver = Receiver::new();
    pool.end(Some(receiver.reply(1)));
    let end = crate::clock::within(AN_HOUR, receiver.ended(1)).await;
    assert_eq!(end, Some(Ok(0)), "{context}: the pool ends");
    settle().await;
    assert_eq!(counts(&pool), [0; 3], "{context}");
    drop(pool);
    // The background tasks notice its end then.
    crate::clock::sleep(AN_HOUR).await;
    assert_eq!((server.open(), tasks() - server.serving()), (0, 0), "sockets and tasks after {context}");
}
