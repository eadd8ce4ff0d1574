// SPDX-License-Identifier: MIT
//! yield with Tokio: task::yield_now of 1,000 tasks. Fair: the current_thread runtime is its faster one for one worker.
#[path = "../rust/bench.rs"]
mod bench;

use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Barrier;

async fn measure(tasks: u64, yields: u64) -> f64 {
    let start = Arc::new(Barrier::new(tasks as usize + 1));
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let start = start.clone();
            tokio::spawn(async move {
                start.wait().await;
                let mut done = 0;
                while done < yields {
                    tokio::task::yield_now().await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    tokio::task::yield_now().await; // all of them reach the barrier
    let begin = Instant::now();
    start.wait().await;
    let mut total = 0;
    for task in running {
        total += task.await.expect("a result");
    }
    let each = bench::each_since(begin, tasks * yields);
    bench::require(total == tasks * yields, "a task did not yield often enough");
    each
}

fn main() {
    let program = bench::Program::new("yield", include_str!("params.hpp"));
    let tasks = program.param("fibers");
    program.measure("per_yield", |yields| measure(tasks, yields));
}
