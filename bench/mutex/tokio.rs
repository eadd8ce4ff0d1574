// SPDX-License-Identifier: MIT
//! mutex with Tokio: tokio::sync::Mutex. Fair: its mutex that suspends tasks; for sections as short as this one,
//! without an await in them, its documentation prefers std's, which blocks the worker.
#[path = "../rust/bench.rs"]
mod bench;

use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

async fn measure(contenders: u64, locks: u64) -> f64 {
    let number = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let tasks: Vec<_> = (0..contenders)
        .map(|_| {
            let number = number.clone();
            tokio::spawn(async move {
                for _ in 0..locks {
                    *number.lock().await += 1;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task");
    }
    let each = bench::each_since(start, contenders * locks);
    bench::require(*number.lock().await == contenders * locks, "two held the mutex at a time");
    each
}

fn main() {
    let program = bench::Program::new("mutex", include_str!("params.hpp"));
    let contenders = program.param("contenders");
    program.measure("per_lock_and_unlock", |locks| measure(contenders, locks));
}
