// SPDX-License-Identifier: MIT
//! timers with Tokio: time::sleep_until in each task. Fair: its timer wheel has a resolution of a millisecond, which is
//! why it needs so few wake-ups and is late by as much.
#[path = "../rust/bench.rs"]
mod bench;

use std::time::{Duration, Instant};

struct Work {
    count: u64,
    stride: u64,
    lead: Duration,
    window: Duration,
}

/// How late each was, in order; None: one was too early.
async fn sleep_all(work: Work) -> Option<Vec<Duration>> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..work.count)
        .map(|sleeper| {
            let place = sleeper * work.stride % work.count;
            let offset = work.window.as_nanos() as u64 * place / work.count;
            let due = start + work.lead + Duration::from_nanos(offset);
            tokio::spawn(async move {
                tokio::time::sleep_until(due.into()).await;
                Instant::now().checked_duration_since(due)
            })
        })
        .collect();
    let mut late = Vec::with_capacity(tasks.len());
    for task in tasks {
        late.push(task.await.expect("a sleeper")?);
    }
    late.sort();
    Some(late)
}

fn main() {
    let program = bench::Program::new("timers", include_str!("params.hpp"));
    let runtime = program.runtime();
    let count = program.count("work", "quick_work");
    for _ in 0..program.rounds {
        let work = Work {
            count,
            stride: program.param("stride"),
            lead: Duration::from_millis(program.param("lead_milliseconds")),
            window: Duration::from_millis(program.param("window_milliseconds")),
        };
        let before = bench::cpu_time();
        let late = runtime.block_on(async { tokio::spawn(sleep_all(work)).await.expect("a result") });
        let cpu = bench::cpu_time() - before;
        bench::require(late.is_some(), "somebody woke too early");
        let late = late.unwrap_or_default();
        let microseconds = |percent: usize| late[(late.len() - 1) * percent / 100].as_nanos() as f64 / 1000.0;
        program.report("cpu_per_sleeper", "us", cpu.as_nanos() as f64 / 1000.0 / count as f64, count);
        program.report("lateness_p50", "us", microseconds(50), count);
        program.report("lateness_p99", "us", microseconds(99), count);
    }
}
