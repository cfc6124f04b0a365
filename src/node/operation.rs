//! Operations that JavaScript has begun and may abort.

use std::sync::Arc;

use super::environment::Environment;
use crate::conn::operation::Ended;
use crate::conn::{Operation, Reply, runtime};
use crate::error::{Error, Outcome, texts};
use crate::pool::{Lease, Pool};
use crate::rows::{Batch, Extra, Record};

/// Begins an operation, which is answered as `reply` and ends with the environment.
pub(super) fn begin<W>(environment: &Arc<Environment>, reply: Reply, work: impl FnOnce(Operation) -> W)
where
    W: Future<Output = Ended> + Send + 'static,
{
    match runtime::start() {
        Ok(()) => {
            let (operation, under_way) = environment.operations.begin(reply);
            runtime::spawn(under_way.carry_out(work(operation)));
        }
        Err(error) => reply.fail(error.with_outcome(Outcome::NotApplied, Vec::new())),
    }
}

/// Asks a pool's server for its version; the request is answered by the text.
pub(super) fn ask_version(pool: &Pool, reply: Reply) {
    if let Err(error) = runtime::start() {
        return reply.fail(error);
    }
    let leasing = pool.lease();
    runtime::spawn(async move {
        match version(leasing).await {
            Ok(version) => {
                let mut batch = Batch::default();
                batch.record_with(Record::Value, &[reply.request], Extra::Value(Box::new(version)));
                reply.sink.deliver(batch);
            }
            Err(error) => reply.fail(error),
        }
    });
}

/// The connection is back in its pool when the answer is told.
async fn version(leasing: impl Future<Output = Result<Lease, Error>>) -> Result<String, Error> {
    let lease = leasing.await?;
    let sets = lease.session().simple("SELECT version()").await?;
    let version = sets.first().and_then(|set| set.value(0)).map(str::to_owned);
    version.ok_or_else(|| Error::protocol(texts::NO_VERSION))
}
