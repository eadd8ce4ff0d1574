// SPDX-License-Identifier: MIT
//! memory with Tokio: tasks that wait for a Semaphore. Fair: the same primitive as that of coir's coroutines, and
//! nothing but what the task needs lives across the await.
#[path = "../rust/bench.rs"]
mod bench;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

static READY: AtomicU64 = AtomicU64::new(0); // relaxed: one thread

async fn measure(program: &bench::Program, count: u64) {
    let gate = Arc::new(Semaphore::new(0));
    let mut tasks = Vec::with_capacity(count as usize);
    tasks.resize_with(count as usize, || None); // touched before, so that handles do not count
    let (resident_before, tables_before) = bench::memory();
    let start = Instant::now();
    for i in 0..count {
        let gate = gate.clone();
        tasks[i as usize] = Some(tokio::spawn(async move {
            READY.fetch_add(1, Ordering::Relaxed);
            gate.acquire().await.expect("the gate").forget();
            i
        }));
    }
    // Run by the same thread in their order, so whoever was spawned last is the last to come to the gate.
    let last = tokio::spawn(async {});
    last.await.expect("the last");
    bench::require(READY.load(Ordering::Relaxed) == count, "a task has not come to the gate");
    let creation = bench::each_since(start, count);
    let (resident_after, tables_after) = bench::memory();

    gate.add_permits(count as usize);
    let mut sum = 0;
    for task in tasks.into_iter().flatten() {
        sum += task.await.expect("a result");
    }
    bench::require(sum == count * (count - 1) / 2, "a task's result was lost");
    let tables = (tables_after as f64 - tables_before as f64) / count as f64;
    let resident = (resident_after as f64 - resident_before as f64) / count as f64;
    program.report("bytes_per_fiber", "bytes", resident + tables, count);
    program.report("page_tables_per_fiber", "bytes", tables, count);
    program.report("creation", "ns", creation, count);
}

fn main() {
    let program = bench::Program::new("memory", include_str!("params.hpp"));
    let count = program.count("work", "quick_work");
    program.runtime().block_on(measure(&program, count));
}
