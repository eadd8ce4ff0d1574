// SPDX-License-Identifier: MIT

// spawn_batch with Go: a WaitGroup, and a place for each result. Fair: that is what Go's documentation shows for it,
// and cheaper than a channel for a million results.
package main

import (
	_ "embed"
	"sync"

	bench "../go"
)

//go:embed params.hpp
var params string

func main() {
	p := bench.New("spawn_batch", params)
	p.Measure("per_fiber", func(count uint64) float64 {
		var sum uint64
		each := bench.TimeEach(count, func() {
			results := make([]uint64, count)
			var running sync.WaitGroup
			running.Add(int(count))
			for i := uint64(0); i < count; i++ {
				go func(number uint64) {
					results[number] = number
					running.Done()
				}(i)
			}
			running.Wait()
			for _, result := range results {
				sum += result
			}
		})
		bench.Require(sum == count*(count-1)/2, "a goroutine's result was lost")
		return each
	})
}
