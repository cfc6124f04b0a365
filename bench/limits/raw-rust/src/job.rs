//! The command line, and the server from the environment as libpq reads it.

use crate::connection::{Result, Server};
use std::env;

#[derive(PartialEq, Clone, Copy)]
pub enum Kind {
    Query,
    Rows,
    CopyOut,
    Connect,
}

pub struct Job {
    pub server: Server,
    pub kind: Kind,
    pub sql: String,
    pub values: Vec<String>,
    pub named: bool,
    pub pool: usize,
    pub in_flight: usize,
    pub pipeline: bool,
    pub seconds: f64,
    pub warm_up_seconds: f64,
}

impl Job {
    pub fn from_environment() -> Result<Self> {
        let variable = |name: &str| env::var(name).map_err(|_| format!("{name} isn't set"));
        let mut job = Self {
            server: Server {
                host: variable("PGHOST")?,
                port: variable("PGPORT")?.parse()?,
                user: variable("PGUSER")?,
                password: env::var("PGPASSWORD").unwrap_or_default(),
                database: variable("PGDATABASE")?,
            },
            kind: Kind::Query,
            sql: String::new(),
            values: Vec::new(),
            named: false,
            pool: 1,
            in_flight: 1,
            pipeline: true,
            seconds: 1.0,
            warm_up_seconds: 0.5,
        };
        let mut arguments = env::args().skip(1);
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} wants a value"));
            match name.as_str() {
                "--kind" => job.kind = kind(&value()?)?,
                "--sql" => job.sql = value()?,
                "--value" => job.values.push(value()?),
                "--pool" => job.pool = value()?.parse()?,
                "--in-flight" => job.in_flight = value()?.parse()?,
                "--seconds" => job.seconds = value()?.parse()?,
                "--warm-up" => job.warm_up_seconds = value()?.parse()?,
                "--named" => job.named = true,
                "--no-pipeline" => job.pipeline = false,
                _ => return Err(format!("there is no option {name}").into()),
            }
        }
        Ok(job)
    }
}

fn kind(name: &str) -> Result<Kind> {
    match name {
        "query" => Ok(Kind::Query),
        "rows" => Ok(Kind::Rows),
        "copyOut" => Ok(Kind::CopyOut),
        "connect" => Ok(Kind::Connect),
        _ => Err(format!("there is no kind of work called {name}").into()),
    }
}
