// SPDX-License-Identifier: MIT
// A rival of the echo benchmark: Go, one goroutine per connection, as everybody writes it.
//
// Fair, because this is the way that Go is made for: its runtime polls by itself, TCP_NODELAY is what it sets by
// default, and the buffer lies in the connection's own goroutine, 16 KiB as in the others. GOMAXPROCS is what
// --workers says; the collector keeps its default and has nothing to do once the connections are made.
//
// --stalls K --stall-steps S: the workload `stalls`, see bench/stalls/stall.hpp.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

const bufferBytes = 16 << 10

func echo(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, bufferBytes)
	for {
		count, err := connection.Read(buffer)
		if count > 0 {
			if _, err := connection.Write(buffer[:count]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func acceptAll(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			time.Sleep(50 * time.Millisecond) // no descriptors are left
			continue
		}
		go echo(connection)
	}
}

const stallPeriod = 100 * time.Millisecond

// As in bench/stalls/stall.hpp.
func compute(steps uint64) uint64 {
	value := steps
	for ; steps > 0; steps-- {
		value = (value ^ value>>30) * 0xbf58476d1ce4e5b9
	}
	return value
}

func stall(due time.Time, steps, expected uint64) {
	for ; ; due = due.Add(stallPeriod) {
		time.Sleep(time.Until(due))
		if compute(steps) != expected {
			fmt.Fprintln(os.Stderr, "echo_go: a stall computed something else")
			os.Exit(1)
		}
	}
}

func startStalls(count int, steps uint64) {
	expected := compute(steps)
	start := time.Now()
	for i := 0; i < count; i++ {
		go stall(start.Add(stallPeriod*time.Duration(i)/time.Duration(count)), steps, expected)
	}
}

func main() {
	address := flag.String("address", "127.0.0.1", "numeric")
	port := flag.Int("port", 0, "0: any free one")
	workers := flag.Int("workers", 1, "GOMAXPROCS")
	stalls := flag.Int("stalls", 0, "computations beside the connections")
	steps := flag.Uint64("stall-steps", 0, "of each")
	flag.Parse()
	runtime.GOMAXPROCS(*workers)

	listener, err := net.Listen("tcp", net.JoinHostPort(*address, fmt.Sprint(*port)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo_go:", err)
		os.Exit(1)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	fmt.Printf("listening on %s\n", listener.Addr())
	go acceptAll(listener)
	startStalls(*stalls, *steps)
	<-stop
}
