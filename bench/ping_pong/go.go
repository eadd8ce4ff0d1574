// SPDX-License-Identifier: MIT

// ping_pong with Go: channels with room for one token. Fair: that is how Go writes a semaphore. --across: each
// goroutine is locked to a kernel thread of its own (runtime.LockOSThread), Go's only way to keep it from the other's.
package main

import (
	_ "embed"
	"runtime"
	"sync"

	bench "../go"
)

//go:embed params.hpp
var params string

func play(own, other chan struct{}, turns *uint64, first uint64, roundTrips uint64, across bool) {
	if across {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	for i := uint64(0); i < roundTrips; i++ {
		<-own
		bench.Require(*turns == 2*i+first, "the two were not in turns")
		*turns++
		other <- struct{}{}
	}
}

func main() {
	p := bench.New("ping_pong", params)
	warmUp, count := p.Param("warm_up_work"), p.Count("work", "quick_work")
	if p.Across {
		p.Detail = "each on a worker of its own"
		warmUp, count = p.Param("quick_across_work")/10, p.Count("across_work", "quick_across_work")
	}
	p.MeasureCounts("per_round_trip", warmUp, count, func(roundTrips uint64) float64 {
		first, second := make(chan struct{}, 1), make(chan struct{}, 1)
		var turns uint64
		var running sync.WaitGroup
		running.Add(2)
		first <- struct{}{}
		each := bench.TimeEach(roundTrips, func() {
			go func() {
				play(first, second, &turns, 0, roundTrips, p.Across)
				running.Done()
			}()
			go func() {
				play(second, first, &turns, 1, roundTrips, p.Across)
				running.Done()
			}()
			running.Wait()
		})
		bench.Require(turns == 2*roundTrips, "turns are lost")
		return each
	})
}
