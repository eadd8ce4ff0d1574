// SPDX-License-Identifier: MIT

// spawn_join with Go: a goroutine sends its number. Fair: Go has no join, a channel is its way to wait for a result;
// the same one serves all of them, so none is allocated per goroutine.
package main

import (
	_ "embed"

	bench "../go"
)

//go:embed params.hpp
var params string

func main() {
	p := bench.New("spawn_join", params)
	p.Measure("per_spawn_and_join", func(count uint64) float64 {
		result := make(chan uint64)
		var sum uint64
		each := bench.TimeEach(count, func() {
			for i := uint64(0); i < count; i++ {
				go func(number uint64) { result <- number }(i)
				sum += <-result
			}
		})
		bench.Require(sum == count*(count-1)/2, "a goroutine's result was lost")
		return each
	})
}
