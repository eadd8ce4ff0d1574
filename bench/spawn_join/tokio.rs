// SPDX-License-Identifier: MIT
//! spawn_join with Tokio: spawn, and await of the JoinHandle. Fair: that is all there is to it.
#[path = "../rust/bench.rs"]
mod bench;

use std::time::Instant;

async fn measure(count: u64) -> f64 {
    let start = Instant::now();
    let mut sum = 0;
    for i in 0..count {
        sum += tokio::spawn(async move { i }).await.expect("a result");
    }
    let each = bench::each_since(start, count);
    bench::require(sum == count * (count - 1) / 2, "a task's result was lost");
    each
}

fn main() {
    let program = bench::Program::new("spawn_join", include_str!("params.hpp"));
    program.measure("per_spawn_and_join", measure);
}
