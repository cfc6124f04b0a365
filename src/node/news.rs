//! Events that answer no request, as arrays for `lib/native/binding.js`: a name, the listener's number, and what
//! belongs to it.

use std::any::Any;
use std::sync::Arc;

use super::environment::Environment;
use super::failure;
use super::js::{Answer, Js};
use super::lock::lock;
use super::plain;
use crate::conn::operation::Told;
use crate::conn::questions::{Asked, Responder, Withdrawn};
use crate::conn::{ConnectionEvent, ConnectionId, Event};
use crate::error::ServerError;
use crate::pool::{PoolEvent, PoolNews};
use crate::rows::News;

/// The array, or the text of a notice.
pub(super) fn to_js(js: Js, environment: &Arc<Environment>, news: Box<dyn News>) -> Answer {
    let news: Box<dyn Any> = news;
    let news = match news.downcast::<ConnectionEvent>() {
        Ok(event) => return connection_event(js, environment, event.0, event.1),
        Err(news) => news,
    };
    let news = match news.downcast::<PoolNews>() {
        Ok(event) => return pool_event(js, &event),
        Err(news) => news,
    };
    let news = match news.downcast::<Told>() {
        Ok(told) => return events(js, *told),
        Err(news) => news,
    };
    let news = match news.downcast::<Asked>() {
        Ok(asked) => return question(js, &asked),
        Err(news) => news,
    };
    match news.downcast::<Withdrawn>() {
        Ok(withdrawn) => js.array([js.text("withdrawn"), js.number(withdrawn.0.into())].into_iter()),
        // There are no other events.
        Err(_) => js.undefined(),
    }
}

fn connection_event(js: Js, environment: &Arc<Environment>, id: ConnectionId, event: Event) -> Answer {
    let id_value = js.number(id.into());
    let parts = match event {
        Event::Notice(notice) => return notice_to_js(js, id, &notice),
        Event::Notification(notification) => {
            let object = js.object()?;
            js.set(object, c"processId", js.int(notification.process_id))?;
            js.set(object, c"channel", js.text(&notification.channel))?;
            js.set(object, c"payload", js.text(&notification.payload))?;
            js.set(object, c"length", js.number(f64::from(notification.length)))?;
            vec![js.text("notification"), id_value, Ok(object)]
        }
        Event::Parameter(name, value) => vec![js.text("parameter"), id_value, js.text(&name), js.text(&value)],
        Event::Lost(error) => vec![js.text("lost"), id_value, failure::to_js(js, &error)],
        Event::Closed => {
            lock(&environment.belongings).connections.remove(&id);
            environment.hold_connection(js, id, false);
            vec![js.text("closed"), id_value]
        }
    };
    js.array(parts.into_iter())
}

/// The connection, the length and the fields as they came, in one text: there may be very many notices, and each call
/// of Node-API costs.
fn notice_to_js(js: Js, connection: ConnectionId, notice: &ServerError) -> Answer {
    let text = format!("{connection} {} {}", notice.length, notice.joined());
    js.string(text.as_bytes(), !text.is_ascii())
}

fn pool_event(js: Js, PoolNews(pool, connection, event): &PoolNews) -> Answer {
    let (name, more) = match event {
        PoolEvent::Opening => ("opening", js.undefined()),
        PoolEvent::Found(host) => ("found", js.text(host)),
        PoolEvent::Opened(process_id) => ("opened", js.int(*process_id)),
        PoolEvent::NotOpened(error) => ("notOpened", failure::to_js(js, error)),
        PoolEvent::IdleLost(error) => ("idleError", failure::to_js(js, error)),
        PoolEvent::Removed => ("removed", js.undefined()),
    };
    js.array([js.text(name), js.number((*pool).into()), js.number((*connection).into()), more].into_iter())
}

fn events(js: Js, told: Told) -> Answer {
    let request = js.int(told.request());
    let events = js.array(told.events().iter().map(|event| plain::to_js(js, event)));
    js.array([js.text("told"), request, events].into_iter())
}

fn question(js: Js, asked: &Asked) -> Answer {
    let (kind, responder) = match asked.responder {
        Responder::Connection(id) => ("connection", js.number(id.into())),
        Responder::Pool(id) => ("pool", js.number(id.into())),
        Responder::Request(request) => ("request", js.int(request)),
    };
    let number = js.number(asked.number.into());
    let data = plain::to_js(js, &asked.data);
    js.array([js.text("asked"), responder, js.text(kind), number, js.text(asked.name), data].into_iter())
}
