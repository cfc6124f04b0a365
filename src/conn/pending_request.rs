//! A request on its way.

use std::sync::Arc;

use super::flow::Flow;
use super::order::Order;
use super::reply::Reply;
use super::transaction_settings::Preamble;
use crate::error::Error;
use crate::rows::{Formats, Shape};

/// A request that was sent and is being answered.
pub(super) struct PendingRequest {
    /// The request to answer.
    pub reply: Reply,
    /// How its answer reads.
    pub flow: Flow,
    /// The first error of the answer.
    pub error: Option<Box<Error>>,
    /// The columns of the result set under way.
    pub shape: Option<Arc<Shape>>,
    /// Those of them that come in binary format although the caller asked for text.
    pub formats: Formats,
    /// A result set or a command was answered.
    pub answered: bool,
    /// What may come next.
    pub order: Order,
    /// What was put before it.
    pub preamble: Preamble,
    /// Its text, when the size of its answer is worth remembering.
    pub text: Option<Arc<str>>,
}

impl PendingRequest {
    /// One that was sent just now. `formats` are the columns that it may bring in binary format.
    pub(super) fn new(
        reply: Reply,
        flow: Flow,
        shape: Option<Arc<Shape>>,
        formats: Formats,
        text: Option<Arc<str>>,
    ) -> PendingRequest {
        // A result that is yet to be described comes as text.
        let formats = if shape.is_some() { formats } else { Formats::TEXT };
        let (order, preamble) = (Order::default(), Preamble::default());
        PendingRequest { reply, flow, error: None, shape, formats, answered: false, order, preamble, text }
    }
}
