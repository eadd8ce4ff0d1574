// SPDX-License-Identifier: MIT

// fork_join with Go: a goroutine per fork, which sends its result. Fair: a channel with room for one, so that the
// goroutine never waits for its reader.
package main

import (
	_ "embed"

	bench "../go"
)

//go:embed params.hpp
var params string

func fibonacci(n uint64) uint64 {
	if n < 2 {
		return n
	}
	forked := make(chan uint64, 1)
	go func() { forked <- fibonacci(n - 1) }()
	own := fibonacci(n - 2)
	return own + <-forked
}

// Computed without a fork.
func answer(n uint64) uint64 {
	previous, value := uint64(1), uint64(0)
	for i := uint64(0); i < n; i++ {
		previous, value = value, previous+value
	}
	return value
}

func main() {
	p := bench.New("fork_join", params)
	p.Measure("per_fork_and_join", func(n uint64) float64 {
		var value uint64
		each := bench.TimeEach(answer(n+1)-1, func() { value = fibonacci(n) })
		bench.Require(value == answer(n), "not the Fibonacci number")
		return each
	})
}
