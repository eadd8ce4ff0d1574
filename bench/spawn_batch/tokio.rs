// SPDX-License-Identifier: MIT
//! spawn_batch with Tokio: a vector of JoinHandles. Fair: a JoinSet would keep a list of those that have ended besides.
#[path = "../rust/bench.rs"]
mod bench;

use std::time::Instant;

async fn measure(count: u64) -> f64 {
    let start = Instant::now();
    let tasks: Vec<_> = (0..count).map(|i| tokio::spawn(async move { i })).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("a result");
    }
    let each = bench::each_since(start, count);
    bench::require(sum == count * (count - 1) / 2, "a task's result was lost");
    each
}

fn main() {
    let program = bench::Program::new("spawn_batch", include_str!("params.hpp"));
    program.measure("per_fiber", measure);
}
