//! Work of many steps that JavaScript has begun and may give up: it begins once, and ends once.

use std::sync::Arc;

use tokio::sync::watch;

use super::environment::Environment;
use super::lock::lock;
use crate::conn::{Reply, runtime};
use crate::ddl::{self, Order, Place};
use crate::error::{Error, Outcome, texts};
use crate::pool::{Lease, Pool};
use crate::rows::{Batch, Extra, Record};

/// Runs an order, and tells `reply` how it has ended. It ends with the environment.
pub fn begin(environment: &Arc<Environment>, place: Place, order: Order, reply: Reply) {
    if let Err(error) = runtime::start() {
        return reply.fail(error.with_outcome(Outcome::NotApplied, Vec::new()));
    }
    let (sender, wish) = watch::channel(false);
    lock(&environment.belongings).operations.insert(reply.request, sender);
    let environment = environment.clone();
    let running = ddl::run(place, order, reply.clone(), wish);
    runtime::spawn(async move {
        let Some(ended) = running.await else { return };
        // Before its number can be given to another one.
        lock(&environment.belongings).operations.remove(&reply.request);
        end(&reply, ended);
    });
}

/// The caller gives a request up that may be over already.
pub fn give_up(environment: &Environment, request: i32) {
    if let Some(sender) = lock(&environment.belongings).operations.get(&request) {
        sender.send_replace(true);
    }
}

fn end(reply: &Reply, ended: Result<u8, (Error, u8)>) {
    let mut batch = Batch::default();
    match ended {
        Ok(status) => batch.record(Record::Done, &[reply.request, i32::from(status)]),
        Err((error, status)) => {
            batch.record_with(Record::Failed, &[reply.request, i32::from(status)], Extra::Error(Box::new(error)));
        }
    }
    reply.sink.deliver(batch);
}

/// Asks a pool's server for its version; the request is answered by the text.
pub fn ask_version(pool: &Pool, reply: Reply) {
    if let Err(error) = runtime::start() {
        return reply.fail(error);
    }
    let leasing = pool.lease();
    runtime::spawn(async move {
        let mut batch = Batch::default();
        match version(leasing).await {
            Ok(version) => batch.record_with(Record::Value, &[reply.request], Extra::Value(Box::new(version))),
            Err(error) => {
                batch.record_with(Record::Failed, &[reply.request, 0], Extra::Error(Box::new(error)));
            }
        }
        reply.sink.deliver(batch);
    });
}

/// The connection is back in its pool when the answer is told.
async fn version(leasing: impl Future<Output = Result<Lease, Error>>) -> Result<String, Error> {
    let lease = leasing.await?;
    let sets = lease.session().simple("SELECT version()").await?;
    let version = sets.first().and_then(|set| set.value(0)).map(str::to_owned);
    version.ok_or_else(|| Error::protocol(texts::NO_VERSION))
}
