// SPDX-License-Identifier: MIT

// yield with Go: runtime.Gosched of 1,000 goroutines. Fair: it is Go's yield; all goroutines wait at a closed channel
// before the clock starts.
package main

import (
	_ "embed"
	"runtime"
	"sync"

	bench "../go"
)

//go:embed params.hpp
var params string

func main() {
	p := bench.New("yield", params)
	goroutines := p.Param("fibers")
	p.Measure("per_yield", func(yields uint64) float64 {
		done := make([]uint64, goroutines)
		start := make(chan struct{})
		var ready, ended sync.WaitGroup
		ready.Add(int(goroutines))
		ended.Add(int(goroutines))
		for i := range done {
			go func(count *uint64) {
				ready.Done()
				<-start
				for ; *count < yields; *count++ {
					runtime.Gosched()
				}
				ended.Done()
			}(&done[i])
		}
		ready.Wait()
		each := bench.TimeEach(goroutines*yields, func() {
			close(start)
			ended.Wait()
		})
		for _, count := range done {
			bench.Require(count == yields, "a goroutine did not yield often enough")
		}
		return each
	})
}
