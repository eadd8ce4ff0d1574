// SPDX-License-Identifier: MIT
//! fork_join with Tokio: spawn of one half, await of the other in place, then of the JoinHandle. Fair: the box around
//! the future is what a recursive async function needs. (For such work Rust has rayon, which suspends nothing.)
#[path = "../rust/bench.rs"]
mod bench;

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

fn fibonacci(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let forked = tokio::spawn(fibonacci(n - 1));
        let own = fibonacci(n - 2).await;
        own + forked.await.expect("a result")
    })
}

/// Computed without a fork.
fn answer(n: u64) -> u64 {
    (0..n).fold((0, 1), |(value, next), _| (next, value + next)).0
}

async fn measure(n: u64) -> f64 {
    let start = Instant::now();
    let value = fibonacci(n).await;
    let each = bench::each_since(start, answer(n + 1) - 1);
    bench::require(value == answer(n), "not the Fibonacci number");
    each
}

fn main() {
    let program = bench::Program::new("fork_join", include_str!("params.hpp"));
    program.measure("per_fork_and_join", measure);
}
