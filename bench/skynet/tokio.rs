// SPDX-License-Identifier: MIT
//! skynet with Tokio: a node spawns its children and awaits their JoinHandles. Fair: the box around the future is what
//! a recursive async function needs.
#[path = "../rust/bench.rs"]
mod bench;

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

fn sum_of(first: u64, leaves: u64, children: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        let each = leaves / children;
        let below: Vec<_> =
            (0..children).map(|i| tokio::spawn(sum_of(first + i * each, each, children))).collect();
        let mut sum = 0;
        for child in below {
            sum += child.await.expect("a result");
        }
        sum
    })
}

/// Whether there is a tree with so many leaves.
fn is_possible(mut leaves: u64, children: u64) -> bool {
    while leaves > 1 && leaves % children == 0 {
        leaves /= children;
    }
    leaves == 1
}

async fn measure(leaves: u64, children: u64) -> f64 {
    bench::require(is_possible(leaves, children), "no power of ten");
    let start = Instant::now();
    let sum = tokio::spawn(sum_of(0, leaves, children)).await.expect("a result");
    let each = bench::each_since(start, leaves);
    bench::require(sum == leaves * (leaves - 1) / 2, "the sum is not that of the leaves");
    each
}

fn main() {
    let program = bench::Program::new("skynet", include_str!("params.hpp"));
    let children = program.param("children");
    program.measure("per_leaf", |leaves| measure(leaves, children));
}
