//! Time, CPU and memory of this process. CPU and memory are read where Linux keeps them; elsewhere they are
//! reported as null.

use std::fs;
use std::time::Instant;

pub struct Cost {
    started: Instant,
    cpu_nanos: Option<u64>,
}

pub struct Report {
    seconds: f64,
    cpu_seconds: Option<f64>,
    peak_bytes: Option<u64>,
}

impl Cost {
    pub fn now() -> Self {
        Self { started: Instant::now(), cpu_nanos: cpu_nanos() }
    }

    pub fn elapsed_seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    pub fn until_now(&self) -> Report {
        Report {
            seconds: self.elapsed_seconds(),
            cpu_seconds: cpu_nanos().zip(self.cpu_nanos).map(|(now, before)| (now - before) as f64 / 1e9),
            peak_bytes: peak_bytes(),
        }
    }
}

impl Report {
    pub fn to_json(&self, count: u64, rows: u64) -> String {
        format!(
            "{{\"count\":{count},\"seconds\":{},\"cpuSeconds\":{},\"peakBytes\":{},\"result\":{{\"rows\":{rows}}}}}",
            self.seconds,
            or_null(self.cpu_seconds),
            or_null(self.peak_bytes),
        )
    }
}

fn or_null(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "null".into(), |value| value.to_string())
}

/// The only thread's time on a CPU.
fn cpu_nanos() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}
