//! Does one kind of work against PostgreSQL for a while, as fast as blocking sockets allow, throws away what
//! comes back, and prints what it took as one line of JSON. It decodes nothing but message headers, so it
//! shows what server, kernel and protocol cost by themselves.

mod connection;
mod cost;
mod job;
mod scram;
mod sha256;

use connection::{Connection, Result};
use cost::Cost;
use job::{Job, Kind};
use std::time::{Duration, Instant};

fn main() {
    if let Err(error) = Job::from_environment().and_then(|job| run(&job)) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn run(job: &Job) -> Result<()> {
    let mut work = Work::open(job)?;
    let warm_up = Instant::now() + Duration::from_secs_f64(job.warm_up_seconds);
    work.batch()?;
    while Instant::now() < warm_up {
        work.batch()?;
    }

    let before = Cost::now();
    let mut count = 0;
    while count == 0 || before.elapsed_seconds() < job.seconds {
        count += work.batch()?;
    }
    let report = before.until_now();
    println!("{}", report.to_json(count, work.rows_of_one_run));
    Ok(())
}

struct Work<'a> {
    job: &'a Job,
    connections: Vec<Connection>,
    rows_of_one_run: u64,
}

impl<'a> Work<'a> {
    fn open(job: &'a Job) -> Result<Self> {
        let count = if job.kind == Kind::Connect { 0 } else { job.pool };
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            let mut connection = Connection::open(&job.server)?;
            if job.named {
                connection.prepare(&job.sql)?;
            }
            connections.push(connection);
        }
        Ok(Self { job, connections, rows_of_one_run: 0 })
    }

    /// Does a piece of work and returns how many units it was.
    fn batch(&mut self) -> Result<u64> {
        match self.job.kind {
            Kind::Query => self.queries(),
            Kind::Rows => {
                let connection = &mut self.connections[0];
                connection.send_query(&self.job.sql, &self.job.values, self.job.named)?;
                let rows = connection.read_until_ready()?;
                self.rows_of_one_run = rows;
                Ok(rows)
            }
            Kind::CopyOut => {
                let connection = &mut self.connections[0];
                connection.send_simple(&self.job.sql)?;
                let rows = connection.read_until_ready()?;
                self.rows_of_one_run = rows;
                Ok(rows)
            }
            Kind::Connect => {
                Connection::open(&self.job.server)?.close()?;
                Ok(1)
            }
        }
    }

    /// As many queries as are wanted in flight, spread over the connections. Pipelined, each connection gets
    /// all of its share in one write; otherwise it gets one after the other.
    fn queries(&mut self) -> Result<u64> {
        let share = (self.job.in_flight / self.connections.len()).max(1);
        let (writes, depth) = if self.job.pipeline { (1, share) } else { (share, 1) };
        let mut rows = 0;
        for connection in &mut self.connections {
            connection.send_queries(&self.job.sql, &self.job.values, self.job.named, depth)?;
        }
        for turn in 1..=writes {
            for connection in &mut self.connections {
                for _ in 0..depth {
                    rows += connection.read_until_ready()?;
                }
                if turn < writes {
                    connection.send_queries(&self.job.sql, &self.job.values, self.job.named, depth)?;
                }
            }
        }
        self.rows_of_one_run = rows;
        Ok((self.connections.len() * share) as u64)
    }
}
