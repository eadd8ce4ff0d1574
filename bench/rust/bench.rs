// SPDX-License-Identifier: MIT
//! What every Rust program of the suite has in common: its options, its rounds, the JSON line per result, and the
//! numbers of the workload's params.hpp, which each program includes. See program.hpp for the same in C++.
#![allow(dead_code)] // no program uses all of it

use std::future::Future;
use std::time::{Duration, Instant};

pub struct Program {
    pub workers: usize,
    pub rounds: usize,
    pub across: bool, // ping_pong only
    pub detail: &'static str,
    workload: &'static str,
    quick: bool,
    count: u64, // 0: not said
    params: &'static str,
}

impl Program {
    /// Parses the command line.
    pub fn new(workload: &'static str, params: &'static str) -> Self {
        let mut program = Program {
            workers: 1,
            rounds: 1,
            across: false,
            detail: "",
            workload,
            quick: false,
            count: 0,
            params,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || -> u64 {
                match words.next().and_then(|value| value.parse().ok()) {
                    Some(value) if value > 0 => value,
                    _ => fail(2, &format!("{word} needs a number from 1")),
                }
            };
            match word.as_str() {
                "--workers" => program.workers = number() as usize,
                "--rounds" => program.rounds = number() as usize,
                "--count" => program.count = number(),
                "--quick" => program.quick = true,
                "--across" => program.across = true,
                _ => fail(2, &format!("unknown option {word}")),
            }
        }
        program
    }

    /// A number of params.hpp.
    pub fn param(&self, name: &str) -> u64 {
        let head = format!("constexpr std::uint64_t {name} = ");
        let found = self.params.lines().find_map(|line| line.strip_prefix(head.as_str()));
        match found.and_then(|rest| rest.split(';').next()?.replace('\'', "").parse().ok()) {
            Some(value) => value,
            None => fail(1, &format!("params.hpp has no {name}")),
        }
    }

    /// What is to be done in a round: by --count, else the parameter `full` or `quick`.
    pub fn count(&self, full: &str, quick: &str) -> u64 {
        match (self.count, self.quick) {
            (0, false) => self.param(full),
            (0, true) => self.param(quick),
            (count, _) => count,
        }
    }

    /// The runtime that Tokio's documentation advises: current_thread for one worker, multi_thread for several.
    pub fn runtime(&self) -> tokio::runtime::Runtime {
        let built = if self.workers == 1 {
            tokio::runtime::Builder::new_current_thread().enable_all().build()
        } else {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(self.workers)
                .enable_all()
                .build()
        };
        built.expect("a runtime")
    }

    /// The rounds: `each` does the work, checks it, and returns the nanoseconds that one of it took.
    pub fn measure<Each, Measured>(&self, metric: &str, each: Each)
    where
        Each: Fn(u64) -> Measured,
        Measured: Future<Output = f64> + Send + 'static,
    {
        let runtime = self.runtime();
        // As a task, since the future of block_on is not run by a worker.
        let run = |count| runtime.block_on(async { tokio::spawn(each(count)).await.expect("a result") });
        run(self.param("warm_up_work"));
        let count = self.count("work", "quick_work");
        for _ in 0..self.rounds {
            self.report(metric, "ns", run(count), count);
        }
    }

    /// Prints a result that has been checked.
    pub fn report(&self, metric: &str, unit: &str, value: f64, count: u64) {
        println!(
            "{{\"workload\":\"{}\",\"system\":\"tokio\",\"workers\":{},\"metric\":\"{metric}\",\"unit\":\"{unit}\",\
             \"value\":{value:.4},\"count\":{count},\"detail\":\"{}\",\"checked\":true}}",
            self.workload, self.workers, self.detail
        );
    }
}

/// Nanoseconds of one of `count` repetitions that began at `start`.
pub fn each_since(start: Instant, count: u64) -> f64 {
    start.elapsed().as_nanos() as f64 / count as f64
}

/// Ends the program with status 1 if what was measured did not do its work.
pub fn require(is_right: bool, what: &str) {
    if !is_right {
        fail(1, &format!("wrong result: {what}"));
    }
}

fn fail(status: i32, message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(status)
}

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
}

/// User and system time of the process.
pub fn cpu_time() -> Duration {
    const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    require(unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut time) } == 0, "clock_gettime");
    Duration::new(time.seconds as u64, time.nanoseconds as u32)
}

/// What the process holds: resident bytes, and bytes of page tables.
pub fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    let bytes = |key: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(key)).expect(key);
        line.split_whitespace().nth(1).and_then(|value| value.parse::<u64>().ok()).expect(key) << 10
    };
    (bytes("VmRSS:"), bytes("VmPTE:"))
}
