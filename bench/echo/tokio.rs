// SPDX-License-Identifier: MIT
// A rival of the echo benchmark: Rust with Tokio, one task per connection.
//
// Fair, because it is what Tokio's users write when they care for speed: with one worker the current-thread runtime,
// which needs no locks, with more the multi-thread one; no Nagle; a 16 KiB buffer per connection, on the heap, so that a
// task stays small, and not filled with zeros first. `try_read` after `readable`, which would let an idle connection go without a buffer, costs a failing
// system call per request. The release build has LTO and one code generation unit.
//
// --stalls K --stall-steps S: the workload `stalls`, see bench/stalls/stall.hpp.
use std::io::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{signal, SignalKind};
use tokio::time::Instant;

const BUFFER_BYTES: usize = 16 << 10;
const STALL_PERIOD: Duration = Duration::from_millis(100);

struct Options {
    address: String,
    port: u16,
    workers: usize,
    stalls: usize,
    stall_steps: u64,
}

fn fail(message: &str) -> ! {
    eprintln!("echo_tokio: {message}");
    std::process::exit(2)
}

fn parse_options() -> Options {
    let mut options = Options {
        address: "127.0.0.1".to_string(),
        port: 0,
        workers: 1,
        stalls: 0,
        stall_steps: 0,
    };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().unwrap_or_else(|| fail(&format!("{name} needs a value")));
        let number = value.parse::<u64>();
        match (name.as_str(), number) {
            ("--address", _) => options.address = value,
            ("--port", Ok(port)) if port < 65536 => options.port = port as u16,
            ("--workers", Ok(count)) if count > 0 => options.workers = count as usize,
            ("--stalls", Ok(count)) => options.stalls = count as usize,
            ("--stall-steps", Ok(steps)) => options.stall_steps = steps,
            _ => fail(&format!("{name} {value}: unknown or not allowed")),
        }
    }
    options
}

async fn echo(mut connection: TcpStream) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    while connection.read_buf(&mut buffer).await? > 0 {
        connection.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(())
}

async fn accept_all(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => drop(tokio::spawn(echo(connection))),
            // No descriptors are left.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// As in bench/stalls/stall.hpp.
fn compute(steps: u64) -> u64 {
    let mut value = steps;
    for _ in 0..steps {
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
    }
    value
}

async fn stall(mut due: Instant, steps: u64, expected: u64) {
    loop {
        tokio::time::sleep_until(due).await;
        // Volatile: or the compiler might compute it once for all.
        if compute(unsafe { std::ptr::read_volatile(&steps) }) != expected {
            fail("a stall computed something else");
        }
        due += STALL_PERIOD;
    }
}

fn start_stalls(count: usize, steps: u64) {
    let expected = compute(steps);
    let start = Instant::now();
    for i in 0..count {
        tokio::spawn(stall(start + STALL_PERIOD * i as u32 / count as u32, steps, expected));
    }
}

fn runtime(workers: usize) -> Runtime {
    let mut builder = if workers == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.worker_threads(workers).enable_all().build().expect("a runtime")
}

async fn serve(options: Options) -> std::io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind((options.address.as_str(), options.port)).await?;
    println!("listening on {}", listener.local_addr()?);
    std::io::stdout().flush()?;
    tokio::spawn(accept_all(listener));
    start_stalls(options.stalls, options.stall_steps);
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    Ok(())
}

fn main() {
    let options = parse_options();
    if let Err(error) = runtime(options.workers).block_on(serve(options)) {
        fail(&error.to_string());
    }
}
