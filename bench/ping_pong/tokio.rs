// SPDX-License-Identifier: MIT
//! ping_pong with Tokio: two tasks and two Semaphores. Fair: the same primitive as coir's. --across: two threads with a
//! current_thread runtime each, Tokio's only way to keep a task from the other's thread.
#[path = "../rust/bench.rs"]
mod bench;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

struct Table {
    first: Semaphore,
    second: Semaphore,
    turns: AtomicU64, // relaxed: the semaphores order the turns
}

impl Table {
    fn new() -> Arc<Self> {
        Arc::new(Table { first: Semaphore::new(1), second: Semaphore::new(0), turns: AtomicU64::new(0) })
    }
    fn check(&self, round_trips: u64) {
        bench::require(self.turns.load(Ordering::Relaxed) == 2 * round_trips, "turns are lost");
    }
}

async fn play(table: Arc<Table>, begins: bool, round_trips: u64) {
    let (own, other) =
        if begins { (&table.first, &table.second) } else { (&table.second, &table.first) };
    for i in 0..round_trips {
        own.acquire().await.expect("a turn").forget();
        let turn = table.turns.load(Ordering::Relaxed);
        bench::require(turn == 2 * i + u64::from(!begins), "the two were not in turns");
        table.turns.store(turn + 1, Ordering::Relaxed);
        other.add_permits(1);
    }
}

async fn measure(round_trips: u64) -> f64 {
    let table = Table::new();
    let start = Instant::now();
    let first = tokio::spawn(play(table.clone(), true, round_trips));
    let second = tokio::spawn(play(table.clone(), false, round_trips));
    first.await.expect("the first");
    second.await.expect("the second");
    let each = bench::each_since(start, round_trips);
    table.check(round_trips);
    each
}

fn measure_across(round_trips: u64) -> f64 {
    let table = Table::new();
    let start = Instant::now();
    let threads: Vec<_> = [true, false]
        .into_iter()
        .map(|begins| {
            let table = table.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                runtime.block_on(play(table, begins, round_trips));
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("a thread");
    }
    let each = bench::each_since(start, round_trips);
    table.check(round_trips);
    each
}

fn main() {
    let mut program = bench::Program::new("ping_pong", include_str!("params.hpp"));
    if !program.across {
        program.measure("per_round_trip", measure);
        return;
    }
    program.detail = "each on a worker of its own";
    measure_across(program.param("quick_across_work") / 10);
    let count = program.count("across_work", "quick_across_work");
    for _ in 0..program.rounds {
        program.report("per_round_trip", "ns", measure_across(count), count);
    }
}
